"""Chats in one SQLite file."""
