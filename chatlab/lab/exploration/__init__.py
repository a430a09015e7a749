"""Generated chats against a fake provider, and the invariants they must keep."""
