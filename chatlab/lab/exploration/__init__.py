"""Simulated chats under a policy or resolver, the invariants they must keep, minimal traces."""
