//! Pages: whatever is put on one stays text, nothing is fetched, and a real browser draws it on a desktop and on a phone.

mod browser;
mod numbers;

use codepipeline_retrier::page::{
    Block, Cell, Chart, Column, Kind, Page, Section, Series, Table, Tile, Unit, html,
};

/// A name that would like to be more than one.
const HOSTILE: &str = "<script>alert(1)</script>\" onload='x' \u{202e} ]]> &amp; {{7*7}}";
const LONG: &str =
    "a-pipeline-with-a-name-that-is-as-long-as-codepipeline-allows-it-to-be-which-is-a-hundred-characters";

fn chart(kind: Kind, unit: Unit, title: &str, labels: usize) -> Chart {
    let value = |of: usize| match unit {
        Unit::Count => Some(f64::from(u32::try_from(of * 7 % 23).unwrap())),
        Unit::Share => Some(f64::from(u32::try_from(of * 7 % 10).unwrap()) / 10.0),
    };
    let values = |offset: usize| (0..labels).map(|place| value(place + offset)).collect();
    let mut first = Series::new("Recovered", values(1));
    first.intervals = first.values.iter().map(|value| value.map(|of| (of * 0.8, of * 1.1))).collect();
    Chart {
        title: title.to_owned(),
        description: "Drawn for a test.".to_owned(),
        kind,
        unit,
        labels: (0..labels).map(|place| format!("Week {place}")).collect(),
        series: vec![first, Series::new(HOSTILE, values(4)), Series::new("Unknown", values(2)).in_grey()],
    }
}

fn sample() -> Page {
    let empty = Chart {
        series: vec![Series::new("nothing", vec![None; 3])],
        ..chart(Kind::Lines, Unit::Count, "Empty", 3)
    };
    let bar = |text: &str, length: f64| Cell::Bar {
        text: text.into(),
        length,
        interval: Some((length * 0.5, 1.0)),
    };
    let table = Table {
        caption: "A table".to_owned(),
        columns: vec![Column::words("Stage"), Column::numbers("Failures"), Column::words("Recovered")],
        rows: vec![
            vec![Cell::text(LONG), Cell::text("1,234"), bar("3 of 4", 0.75)],
            vec![Cell::text(HOSTILE), Cell::text("0"), bar("0 of 4", 0.0)],
        ],
    };
    let tile =
        |label: &str| Tile { label: label.into(), value: "12,345".into(), note: "of which none".into() };
    let section = |id, heading: &str, blocks| Section {
        id,
        heading: heading.to_owned(),
        lead: "What it says in one sentence.".to_owned(),
        blocks,
    };
    Page {
        title: "A page".to_owned(),
        subtitle: HOSTILE.to_owned(),
        sections: vec![
            section(
                "tiles",
                "Tiles",
                vec![Block::Tiles(["One", "Two", "Three", "Four", "Five"].map(tile).to_vec())],
            ),
            section(
                "charts",
                "Charts",
                vec![
                    Block::Chart(chart(Kind::Stacked, Unit::Count, "Stacked", 52)),
                    Block::Chart(chart(Kind::Grouped, Unit::Count, "Grouped", 4)),
                    Block::Chart(chart(Kind::Lines, Unit::Share, "Lines", 12)),
                    Block::Chart(chart(Kind::Lines, Unit::Share, "One point", 1)),
                    Block::Chart(empty),
                ],
            ),
            section(
                "words",
                "Words",
                vec![
                    Block::Table(table),
                    Block::List(vec![HOSTILE.into(), LONG.into()]),
                    Block::Note(HOSTILE.to_owned()),
                    Block::Code(format!("  - name: rule\n    match: {{ pipeline: \"{LONG}\" }} # {HOSTILE}")),
                ],
            ),
        ],
        colophon: HOSTILE.to_owned(),
    }
}

#[test]
fn whatever_is_put_on_a_page_stays_text() {
    let page = html(&sample());
    for forbidden in ["<script", "\" onload", "href=\"http", "src=", "@import", "url("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("default-src 'none'"));
    // The only address is the name of SVG.
    let addresses = page.matches("http").count();
    assert_eq!(
        addresses,
        page.matches("http://www.w3.org/2000/svg").count() + page.matches("http-equiv").count()
    );
}

#[test]
fn every_number_of_a_chart_is_in_its_table() {
    let page = html(&sample());
    let chart = chart(Kind::Grouped, Unit::Count, "Grouped", 4);
    let (_, after) = page.split_once("<figcaption>Grouped</figcaption>").unwrap();
    let (figure, _) = after.split_once("</figure>").unwrap();
    for value in chart.series[2].values.iter().flatten() {
        assert!(figure.contains(&format!(">{value:.0}<")), "{value}");
    }
    let (_, empty) = page.split_once("<figcaption>Empty</figcaption>").unwrap();
    assert!(empty.split_once("</figure>").unwrap().0.contains("Nothing to show"));
}

#[test]
fn a_page_can_be_read_without_seeing_it() {
    let page = html(&sample());
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    assert_eq!(page.matches("<h1>").count(), 1);
    assert_eq!(page.matches("<svg").count(), page.matches("role=\"img\" aria-label=").count());
    assert_eq!(page.matches("<table>").count(), page.matches("<caption>").count());
    for landmark in ["<header>", "<nav aria-label=", "<main id=", "<footer>"] {
        assert!(page.contains(landmark), "{landmark}");
    }
}
