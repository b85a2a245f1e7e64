//! `coldstart coverage`: which service is protected at which layer, as promised by
//! the baseline. Nothing is looked at.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use owo_colors::OwoColorize;
use serde_json::{Value, json};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::args::{Coverage as Arguments, CoverageFormat};
use super::exit::Exit;
use super::input;
use super::output::{self, Channel, print, tell};
use crate::engine;
use crate::judge::{Cell, Coverage, Layer, Proof, Service, Standing, duration_words};
use crate::report::{count, harmless};

/// The least that is left of a service's name.
const NARROWEST_NAME: usize = 12;
const GAP: usize = 2;

pub(super) fn coverage(arguments: &Arguments) -> Result<Exit, Exit> {
    let input = input::input(&arguments.baseline, &arguments.display)?;
    let Some(coverage) = &input.plan.coverage else {
        tell(&format!(
            "error: the baseline {} has no `coverage`: add `layers` and `services` below that key",
            input.plan.name
        ));
        return Err(Exit::Usage);
    };
    let now = engine::now();
    let format = if arguments.json {
        CoverageFormat::Json
    } else {
        arguments.format
    };
    let text = match format {
        CoverageFormat::Text => {
            let color = arguments.display.colored(Channel::Stdout);
            text(coverage, now, color, output::width(Channel::Stdout))
        }
        CoverageFormat::Markdown => markdown(coverage, now),
        CoverageFormat::Json => format!("{:#}\n", document(coverage, now)),
    };
    Ok(print(&text, Exit::Done))
}

/// As a baseline spells it: `24h`.
fn duration(span: Duration) -> String {
    duration_words(SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX))
}

/// How a cell is to be taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Good,
    Bad,
    Quiet,
}

/// A cell in a word or two.
fn word(standing: Standing) -> (String, Mood) {
    match standing {
        Standing::Covered { max_loss, .. } => (format!("✓ {}", duration(max_loss)), Mood::Good),
        Standing::Weaker { loss, max_loss } => (
            format!("! {} > {}", duration(loss), duration(max_loss)),
            Mood::Bad,
        ),
        Standing::Unbounded { max_loss } => (format!("? {}", duration(max_loss)), Mood::Bad),
        Standing::Uncovered => ("NONE".to_owned(), Mood::Bad),
        Standing::Expired => ("NONE (expired)".to_owned(), Mood::Bad),
        Standing::Excluded => ("excluded".to_owned(), Mood::Quiet),
        Standing::NotNeeded => ("–".to_owned(), Mood::Quiet),
    }
}

fn service_name(service: &Service) -> &str {
    service.title.as_deref().unwrap_or(&service.id)
}

fn layer_name(layer: &Layer) -> &str {
    layer.title.as_deref().unwrap_or(&layer.id)
}

fn text(coverage: &Coverage, now: Timestamp, color: bool, width: usize) -> String {
    let rows: Vec<Vec<(String, Mood)>> = coverage
        .services
        .iter()
        .map(|service| {
            service
                .cells
                .iter()
                .map(|cell| word(cell.standing(now)))
                .collect()
        })
        .collect();
    let mut page =
        table(coverage, &rows, color, width).unwrap_or_else(|| stacked(coverage, &rows, color));
    let all: Vec<Standing> = coverage
        .cells()
        .map(|(_, _, cell)| cell.standing(now))
        .collect();
    let of = |wanted: fn(&Standing) -> bool| all.iter().filter(|one| wanted(one)).count();
    let counted = format!(
        "{}: {} covered, {} uncovered, {} weaker, {} unbounded, {} excluded, {} not needed",
        count(all.len(), "cell"),
        of(|one| matches!(one, Standing::Covered { .. })),
        of(|one| matches!(one, Standing::Uncovered | Standing::Expired)),
        of(|one| matches!(one, Standing::Weaker { .. })),
        of(|one| matches!(one, Standing::Unbounded { .. })),
        of(|one| matches!(one, Standing::Excluded)),
        of(|one| matches!(one, Standing::NotNeeded)),
    );
    page += &format!("\n{}\n", textwrap::fill(&counted, width.max(20)));
    for (service, layer, cell) in coverage.cells() {
        if let Some(said) = remark(cell, cell.standing(now)) {
            let line = format!("{} {}: {said}", service.id, layer.id);
            let options = textwrap::Options::new(width.max(20)).subsequent_indent("    ");
            page += &textwrap::fill(&harmless(&format!("  {line}")), options);
            page.push('\n');
        }
    }
    page
}

/// What there is to say of a cell beyond its word; nothing where it is as promised.
fn remark(cell: &Cell, standing: Standing) -> Option<String> {
    let proofs = |cell: &Cell, is_meant: &dyn Fn(&Proof) -> bool| match cell {
        Cell::Promised { by, .. } => {
            let meant = by.iter().filter(|proof| is_meant(proof));
            let ids: Vec<&str> = meant.map(|proof| proof.id.as_str()).collect();
            ids.join(", ")
        }
        Cell::Empty | Cell::Excluded { .. } | Cell::NotNeeded { .. } => String::new(),
    };
    match (standing, cell) {
        (Standing::Covered { .. }, _) => None,
        (Standing::Weaker { loss, max_loss }, _) => {
            let worst = proofs(cell, &|proof| proof.loss == Some(loss));
            let allow = if worst.contains(", ") {
                "allow"
            } else {
                "allows"
            };
            Some(format!(
                "{} promised, and {worst} {allow} {}",
                duration(max_loss),
                duration(loss)
            ))
        }
        (Standing::Unbounded { max_loss }, _) => Some(format!(
            "{} promised, and {} has no `fresh` that would tell",
            duration(max_loss),
            proofs(cell, &|_| true)
        )),
        (Standing::Excluded | Standing::Expired, Cell::Excluded { why, by, until }) => {
            let by = by
                .as_ref()
                .map(|by| format!(", by {by}"))
                .unwrap_or_default();
            let until = until.as_ref().map(|(until, _)| format!(", until {until}"));
            let over = if standing == Standing::Expired {
                ", which is over"
            } else {
                ""
            };
            Some(format!(
                "excluded: {why}{by}{}{over}",
                until.unwrap_or_default()
            ))
        }
        (Standing::NotNeeded, Cell::NotNeeded { why }) => Some(format!("not needed: {why}")),
        (Standing::Uncovered | Standing::Expired | Standing::Excluded | Standing::NotNeeded, _) => {
            Some("nothing protects it, and nothing says why".to_owned())
        }
    }
}

fn painted(text: &str, mood: Mood, color: bool) -> String {
    match (color, mood) {
        (false, _) => text.to_owned(),
        (true, Mood::Good) => text.green().to_string(),
        (true, Mood::Bad) => text.red().bold().to_string(),
        (true, Mood::Quiet) => text.dimmed().to_string(),
    }
}

fn padded(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(text.width());
    format!("{text}{:missing$}", "")
}

/// The text in at most so many columns, its end told by `…` where it is cut.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for next in text.chars() {
        used += next.width().unwrap_or(0);
        if used > columns {
            break;
        }
        kept.push(next);
    }
    kept + "…"
}

/// A row for each service, a column for each layer; none when that is too wide.
fn table(
    coverage: &Coverage,
    rows: &[Vec<(String, Mood)>],
    color: bool,
    width: usize,
) -> Option<String> {
    let heads: Vec<String> = coverage
        .layers
        .iter()
        .map(|layer| harmless(layer_name(layer)).into_owned())
        .collect();
    let columns: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(place, head)| {
            let cells = rows.iter().filter_map(|row| row.get(place));
            cells
                .map(|(word, _)| word.width())
                .chain([head.width()])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let taken: usize = columns.iter().map(|column| column + GAP).sum();
    let names: Vec<String> = coverage
        .services
        .iter()
        .map(|service| harmless(service_name(service)).into_owned())
        .collect();
    let widest = names
        .iter()
        .map(|name| name.width())
        .max()
        .unwrap_or(0)
        .max("service".len());
    let room = width
        .checked_sub(taken)
        .filter(|room| *room >= NARROWEST_NAME.min(widest))?;
    let first = widest.min(room);
    let mut page = padded("service", first);
    for (head, column) in heads.iter().zip(&columns) {
        page += &format!("{:GAP$}{}", "", padded(head, *column));
    }
    page = page.trim_end().to_owned();
    if color {
        page = page.bold().to_string();
    }
    page.push('\n');
    for (name, row) in names.iter().zip(rows) {
        let mut line = padded(&cut(name, first), first);
        let last = row.len().saturating_sub(1);
        for (place, ((word, mood), column)) in row.iter().zip(&columns).enumerate() {
            let missing = if place == last {
                0
            } else {
                column.saturating_sub(word.width())
            };
            line += &format!("{:GAP$}{}{:missing$}", "", painted(word, *mood, color), "");
        }
        page += line.trim_end();
        page.push('\n');
    }
    Some(page)
}

/// The layers of each service below it, where the table has no room.
fn stacked(coverage: &Coverage, rows: &[Vec<(String, Mood)>], color: bool) -> String {
    let mut page = String::new();
    for (service, row) in coverage.services.iter().zip(rows) {
        page += &format!("{}\n", harmless(service_name(service)));
        for (layer, (word, mood)) in coverage.layers.iter().zip(row) {
            let name = harmless(layer_name(layer)).into_owned();
            page += &format!("  {name}: {}\n", painted(word, *mood, color));
        }
    }
    page
}

/// Text in a cell of a Markdown table.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for next in harmless(text).chars() {
        if "\\|*_`[]<>&~".contains(next) {
            escaped.push('\\');
        }
        escaped.push(next);
    }
    escaped
}

fn markdown(coverage: &Coverage, now: Timestamp) -> String {
    let mut page = "| Service |".to_owned();
    for layer in &coverage.layers {
        page += &format!(" {} |", escaped(layer_name(layer)));
    }
    page += &format!("\n|---|{}\n", "---|".repeat(coverage.layers.len()));
    for service in &coverage.services {
        page += &format!("| {} |", escaped(service_name(service)));
        for cell in &service.cells {
            let standing = cell.standing(now);
            let (word, mood) = word(standing);
            let word = escaped(&word);
            let word = if mood == Mood::Bad {
                format!("**{word}**")
            } else {
                word
            };
            let why = match (standing, remark(cell, standing)) {
                (Standing::Excluded | Standing::NotNeeded, Some(said)) => {
                    format!(
                        " ({})",
                        escaped(said.split_once(": ").map_or("", |(_, why)| why))
                    )
                }
                (_, Some(_) | None) => String::new(),
            };
            page += &format!(" {word}{why} |");
        }
        page.push('\n');
    }
    page
}

fn document(coverage: &Coverage, now: Timestamp) -> Value {
    let cell = |layer: &Layer, cell: &Cell| {
        let standing = cell.standing(now);
        let (state, loss, max_loss) = match standing {
            Standing::Covered { loss, max_loss } => ("covered", Some(loss), Some(max_loss)),
            Standing::Weaker { loss, max_loss } => ("weaker", Some(loss), Some(max_loss)),
            Standing::Unbounded { max_loss } => ("unbounded", None, Some(max_loss)),
            Standing::Uncovered => ("uncovered", None, None),
            Standing::Expired => ("expired", None, None),
            Standing::Excluded => ("excluded", None, None),
            Standing::NotNeeded => ("not_needed", None, None),
        };
        let mut told = json!({ "layer": layer.id, "state": state });
        match cell {
            Cell::Empty => {}
            Cell::Promised { by, .. } => {
                told["proven_by"] = by.iter().map(|proof| proof.id.as_str()).collect();
                told["max_loss_s"] = json!(max_loss.map(|span| span.as_secs_f64()));
                told["allowed_loss_s"] = json!(loss.map(|span| span.as_secs_f64()));
            }
            Cell::Excluded { why, by, until } => {
                told["why"] = json!(why);
                told["by"] = json!(by);
                told["until"] = json!(until.as_ref().map(|(written, _)| written));
            }
            Cell::NotNeeded { why } => told["why"] = json!(why),
        }
        told
    };
    json!({
        "schema_version": 1,
        "layers": coverage.layers.iter().map(|layer| json!({
            "id": layer.id,
            "title": layer.title,
        })).collect::<Vec<_>>(),
        "services": coverage.services.iter().map(|service| json!({
            "id": service.id,
            "title": service.title,
            "cells": coverage.layers.iter().zip(&service.cells)
                .map(|(layer, one)| cell(layer, one)).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
