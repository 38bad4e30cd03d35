//! What runs, and where.

use std::time::Duration;

use anyhow::Result;
use causerie_services::{Home, Standing};

/// How long a service that is up may take to say so.
const PATIENCE: Duration = Duration::from_secs(5);

/// Prints each service with its processes, and the end of each log. Whether every one that was started is ready.
pub(super) fn print(wanted: &[Standing]) -> Result<bool> {
    let home = Home::of_user()?;
    let mut all_is_well = true;
    for service in wanted {
        let processes = service.known_processes(&home);
        let died = processes.iter().filter(|process| process.has_died()).count();
        let state = match processes.iter().filter(|process| process.running().is_some()).count() {
            _ if died > 0 => format!("{died} of {} have died", processes.len()),
            0 => "down".to_owned(),
            _ => readiness(*service, &home),
        };
        println!("{}: {state}  {}", service.name(), service.addresses());
        if state == "down" {
            continue;
        }
        all_is_well &= state == "ready";
        for process in processes {
            let id =
                process.running().map_or("not running".into(), |running| format!("process {}", running.id()));
            println!("  {}: {id}, log {}", process.name(), process.log().display());
            for line in last(&process.log_tail(), if state == "ready" { 1 } else { 12 }) {
                println!("    {line}");
            }
        }
    }
    Ok(all_is_well)
}

fn readiness(service: Standing, home: &Home) -> String {
    match service.open(home).and_then(|mut service| service.wait_ready(PATIENCE)) {
        Ok(()) => "ready".to_owned(),
        Err(causerie_services::ServiceError::NotReady { why, .. }) => format!("not ready: {why}"),
        Err(error) => error.to_string(),
    }
}

fn last(log: &str, lines: usize) -> impl Iterator<Item = &str> {
    let all = log.lines().count();
    log.lines().skip(all.saturating_sub(lines))
}
