"""Operations and attempts, counted and exported."""
