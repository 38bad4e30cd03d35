//! Every bound: what is refused, and that nothing is lost where nothing is refused.

mod connections;
mod frames;
mod rates;
mod readers;
