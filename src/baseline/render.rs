//! Diagnostics for a person's eyes.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::mask;
use super::source::{Location, SourceId, Sources};

/// Nobody reads more in one go, and every snippet costs time.
const MAX_SHOWN: usize = 200;

pub(super) fn render(
    diagnostics: &Diagnostics,
    sources: &Sources,
    color: bool,
    width: usize,
) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
    .term_width(width);
    let sorted = diagnostics.sorted();
    let mut parts: Vec<String> = sorted
        .iter()
        .take(MAX_SHOWN)
        .map(|diagnostic| renderer.render(&[group(diagnostic, diagnostics, sources)]))
        .collect();
    if sorted.len() > MAX_SHOWN {
        parts.push(format!("and {} more", sorted.len() - MAX_SHOWN));
    }
    if parts.is_empty() {
        return String::new();
    }
    parts.join("\n\n") + "\n"
}

fn group<'a>(
    diagnostic: &'a Diagnostic,
    diagnostics: &Diagnostics,
    sources: &'a Sources,
) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code);
    let mut group = Group::with_title(title);
    let primary = diagnostic.at.iter().map(|at| Mark {
        at,
        kind: AnnotationKind::Primary,
        label: diagnostic.label.as_deref(),
    });
    let related = diagnostic.related.iter().map(|(at, what)| Mark {
        at,
        kind: AnnotationKind::Context,
        label: Some(what),
    });
    let marks: Vec<Mark<'_>> = primary.chain(related).collect();
    let mut seen: Vec<SourceId> = Vec::new();
    for mark in &marks {
        let source = mark.at.source;
        if !seen.contains(&source) {
            seen.push(source);
            group = group.element(snippet(source, &marks, diagnostics, sources));
        }
    }
    if let Some(suggestion) = &diagnostic.suggestion {
        group = group.element(Level::HELP.message(suggestion.as_str()));
    }
    group
}

struct Mark<'a> {
    at: &'a Location,
    kind: AnnotationKind,
    label: Option<&'a str>,
}

/// The lines that the marks of one source are on. Only those are handed over:
/// the renderer reads all that it is given, for each problem anew.
fn snippet<'a>(
    source: SourceId,
    marks: &[Mark<'a>],
    diagnostics: &Diagnostics,
    sources: &'a Sources,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let text = sources.text(source);
    let marks: Vec<(Range<usize>, &Mark<'a>)> = marks
        .iter()
        .filter(|mark| mark.at.source == source)
        .map(|mark| (first_line(text, mark.at), mark))
        .collect();
    let from = marks.iter().map(|(span, _)| span.start).min().unwrap_or(0);
    let to = marks.iter().map(|(span, _)| span.end).max().unwrap_or(0);
    let from = text[..from].rfind('\n').map_or(0, |newline| newline + 1);
    let to = text[to..]
        .find('\n')
        .map_or(text.len(), |newline| to + newline);
    let mut hidden: Vec<Range<usize>> = diagnostics
        .hidden()
        .iter()
        .filter(|at| at.source == source && at.span.start < to && from < at.span.end)
        .map(|at| at.span.start.saturating_sub(from)..at.span.end - from)
        .collect();
    // As read: in what is shown, a part of a secret may be overwritten already.
    let read = sources.raw(source).get(from..to).unwrap_or_default();
    hidden.extend(mask::known(read, diagnostics.secrets()));
    let (line, _) = sources.line_column(&Location::new(source, from..from));
    Snippet::source(mask::overwrite(&text[from..to], hidden))
        .line_start(line)
        .path(sources.name(source))
        .annotations(marks.into_iter().map(|(span, mark)| {
            mark.kind
                .span(span.start - from..span.end - from)
                .label(mark.label)
        }))
}

/// The part of a place on its first line: a whole phase underlined tells less
/// than where it starts.
fn first_line(text: &str, at: &Location) -> Range<usize> {
    let mut start = at.span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = at.span.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    let end = text[start..end]
        .find(['\n', '\r'])
        .map_or(end, |newline| start + newline);
    start..end
}
