"""What stages gave, kept under the digest of what they read, so that nothing is made twice."""
