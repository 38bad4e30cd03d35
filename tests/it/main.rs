//! Integration tests: each starts real server processes and talks to them as a client does.
mod support;
