"""The Triton implementations, for a GPU. Imported only when they are used: Triton is not everywhere."""
