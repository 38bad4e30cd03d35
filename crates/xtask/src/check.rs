//! `cargo xtask check`: what can be said of the code without running it.

use std::process::Command;

use anyhow::Result;

use crate::deny;
use crate::generate;
use crate::rules;
use crate::stage::{self, Context, Stage};
use crate::workspace::WHOLE;

/// Formatting, the cheapest of all.
pub(crate) const FORMAT: Stage = Stage { name: "format", does: "cargo fmt --check", run: format };
/// The house rules.
pub(crate) const RULES: Stage = Stage { name: "rules", does: "the house rules", run: rules::command };

const SUPPLY_CHAIN: Stage = Stage {
    name: "deny",
    does: "licences, bans, sources, advisories of what we depend on",
    run: deny::command,
};

/// All checks, in the order of their cost.
pub(crate) const STAGES: [Stage; 6] = [
    FORMAT,
    RULES,
    SUPPLY_CHAIN,
    Stage { name: "clippy", does: "lints of every target, each warning an error", run: clippy },
    Stage { name: "docs", does: "the documentation builds without a warning", run: docs },
    Stage { name: "generated", does: "generated files say what the code says", run: generate::check },
];

/// The command alone.
pub(crate) fn command(context: &mut Context) -> Result<bool> {
    stage::run_all(&STAGES, context)
}

fn format(context: &mut Context) -> Result<()> {
    context.run(context.workspace.cargo(&["fmt", "--all", "--check", "--", "--color", "never"]))?;
    Ok(())
}

/// `-D warnings` goes to clippy and not into RUSTFLAGS, which would compile every dependency again.
fn clippy(context: &mut Context) -> Result<()> {
    let mut cargo = cargo_whole(context, &["clippy", "--all-targets"]);
    cargo.args(["--", "-D", "warnings"]);
    context.run(cargo)?;
    Ok(())
}

/// With private items: module headers are written for who reads the code. With the examples: features unify as they do
/// for clippy, and both share what is compiled of dependencies.
fn docs(context: &mut Context) -> Result<()> {
    let mut cargo = cargo_whole(
        context,
        &["doc", "--no-deps", "--document-private-items", "--lib", "--bins", "--examples"],
    );
    // A header may link to a private module: both are on these pages.
    cargo.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
    context.run(cargo)?;
    Ok(())
}

fn cargo_whole(context: &Context, arguments: &[&str]) -> Command {
    let mut cargo = context.workspace.cargo(arguments);
    cargo.args(WHOLE);
    cargo
}
