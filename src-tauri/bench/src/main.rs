//! Measures the proxy; see the next commits.

fn main() {}
