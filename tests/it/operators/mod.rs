//! What an operator relies on: configuration, health, metrics, logs, an orderly end.

mod admin;
mod configuration;
mod draining;
mod health;
