"""The ops as Triton kernels. Needs triton, so nothing outside this package imports it before a GPU is in use."""
