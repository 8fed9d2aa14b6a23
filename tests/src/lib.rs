//! The harness of the tests that need real processes.
