"""Answers as nobody would think of them: a fuzzer's, and the corpus it left."""
