//! `cargo xtask simulate`, and the stage of the whole test: seeds of a node and its clients on simulated time.

use anyhow::Result;

use crate::stage::Context;
use crate::workspace::WHOLE;

/// The seeds of the whole test: as many as one core runs in about 90 s as built for tests.
const SEEDS: &str = "150";
/// How long faults are brought about in each, in simulated minutes.
const MINUTES: &str = "0.2";

/// The stage.
pub(crate) fn stage(context: &mut Context) -> Result<()> {
    build(context)?;
    let program = context.workspace.target.join("debug/causerie-simulation");
    let mut simulation = std::process::Command::new(program);
    simulation.args(["--seeds", SEEDS, "--minutes", MINUTES]);
    let output = context.finish(simulation, |_| false)?;
    let figures: Vec<&str> = output.output.lines().collect();
    figures.iter().for_each(|line| println!("        {line}"));
    anyhow::ensure!(output.success, "a seed failed, or the seeds prove too little; see above");
    Ok(())
}

/// The command: its options are those of the program.
pub(crate) fn command(options: &[&str], context: &mut Context) -> Result<bool> {
    build(context)?;
    let program = context.workspace.target.join("debug/causerie-simulation");
    Ok(std::process::Command::new(program).args(options).status()?.success())
}

fn build(context: &mut Context) -> Result<()> {
    let mut cargo = context.workspace.cargo(&["build", "--bin", "causerie-simulation"]);
    cargo.args(WHOLE);
    context.run(cargo).map(drop)
}
