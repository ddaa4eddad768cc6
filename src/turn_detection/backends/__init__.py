"""Engines that turn an encoded batch into logits. Each lives in a module of its own, because each has its own dependencies."""
