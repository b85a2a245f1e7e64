//! The samples of `docs/reports.md`, made anew from the card that tests share.
//! `UPDATE_DOCS=1` writes them.

use coldstart::report::{Format, Setting, annotations, fixture};
use jiff::tz::TimeZone;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reports.md");

/// What the page shows of a format.
fn sample(format: Format) -> String {
    let card = fixture::sample().card();
    let setting = Setting {
        zone: TimeZone::UTC,
        prefix: "coldstart".to_owned(),
    };
    let text = format.write(&card, &setting);
    match format {
        // The whole card is described on a page of its own.
        Format::Json => between(&text, "  \"result\"", "  \"roots\""),
        Format::Html => between(&text, "<article", "<h2"),
        // Its summary is the Markdown report.
        Format::Github => annotations(&card),
        Format::Junit | Format::Markdown | Format::Prometheus | Format::Nagios | Format::Tap => {
            text
        }
    }
}

/// The lines from the one that starts with `first` to the one before `next`.
fn between(text: &str, first: &str, next: &str) -> String {
    text.lines()
        .skip_while(|line| !line.starts_with(first))
        .take_while(|line| !line.starts_with(next))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// `page` with the block after each `<!-- sample: FORMAT -->` made anew.
fn with_samples(page: &str) -> String {
    Format::ALL
        .into_iter()
        .fold(page.to_owned(), |page, format| {
            let mark = format!("<!-- sample: {} -->\n````", format.name());
            let (before, rest) = page
                .split_once(&mark)
                .unwrap_or_else(|| panic!("docs/reports.md has no {mark:?}"));
            let (language, rest) = rest.split_once('\n').expect("the block's first line");
            let (_, after) = rest.split_once("\n````\n").expect("the block's end");
            let sample = sample(format);
            assert!(!sample.is_empty() && !sample.contains("````"), "{sample}");
            format!(
                "{before}{mark}{language}\n{}\n````\n{after}",
                sample.trim_end()
            )
        })
}

#[test]
fn the_samples_are_what_the_program_writes() {
    let page = std::fs::read_to_string(PAGE).expect("docs/reports.md");
    let made = with_samples(&page);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, made).expect("docs/reports.md can be written");
        return;
    }
    assert!(
        made == page,
        "docs/reports.md is out of date: UPDATE_DOCS=1 cargo test --test report_docs"
    );
}
