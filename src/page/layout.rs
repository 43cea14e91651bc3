//! A page as HTML.

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use super::{Block, Cell, Column, Page, Section, Table, Tile};

const STYLE: &str = include_str!("style.css");
/// Nothing is fetched and nothing runs, whatever came into the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The page as one file.
pub fn html(page: &Page) -> String {
    markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="color-scheme" content="light dark";
                title { (page.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "To the figures" }
                header {
                    h1 { (page.title) }
                    p.subtitle { (page.subtitle) }
                    nav aria-label="Sections" {
                        ul {
                            @for section in &page.sections {
                                li { a href={ "#" (section.id) } { (section.heading) } }
                            }
                        }
                    }
                }
                main #content {
                    @for section in &page.sections { (of_section(section)) }
                }
                footer { p { (page.colophon) } }
            }
        }
    }
    .into_string()
}

fn of_section(section: &Section) -> Markup {
    let heading = format!("{}-heading", section.id);
    markup! {
        section id=(section.id) aria-labelledby=(heading) {
            h2 id=(heading) { (section.heading) }
            @if !section.lead.is_empty() { p.lead { (section.lead) } }
            @for block in &section.blocks { (of_block(block)) }
        }
    }
}

fn of_block(block: &Block) -> Markup {
    match block {
        Block::Tiles(tiles) => of_tiles(tiles),
        Block::Table(table) => of_table(table),
        Block::Chart(chart) => chart.figure(),
        Block::List(points) => markup! { ul.points { @for point in points { li { (point) } } } },
        Block::Note(words) => markup! { p.note { (words) } },
        Block::Code(text) => markup! { pre tabindex="0" { code { (text) } } },
    }
}

fn of_tiles(tiles: &[Tile]) -> Markup {
    markup! {
        dl.tiles {
            @for tile in tiles {
                div.tile {
                    dt { (tile.label) }
                    dd.value { (tile.value) }
                    @if !tile.note.is_empty() { dd.about { (tile.note) } }
                }
            }
        }
    }
}

/// A table; where a line would be too long for a phone, each row becomes a block with its columns' names.
pub(super) fn of_table(table: &Table) -> Markup {
    markup! {
        table {
            caption { (table.caption) }
            thead {
                tr { @for column in &table.columns { th scope="col" class=[class(column)] { (column.label) } } }
            }
            tbody {
                @for row in &table.rows {
                    tr {
                        @for (place, (column, cell)) in table.columns.iter().zip(row).enumerate() {
                            @if place == 0 {
                                th scope="row" { (of_cell(cell)) }
                            } @else {
                                td class=[class(column)] data-label=(column.label) { (of_cell(cell)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn class(column: &Column) -> Option<&'static str> {
    column.is_number.then_some("number")
}

fn of_cell(cell: &Cell) -> Markup {
    match cell {
        Cell::Text(text) => markup! { (text) },
        Cell::Bar { text, length, interval } => markup! {
            span.measure {
                span.words { (text) }
                span.bar aria-hidden="true" {
                    span.length style={ "width:" (percent(*length)) } {}
                    @if let Some((low, high)) = interval {
                        span.interval
                            style={ "left:" (percent(*low)) ";width:" (percent((high - low).max(0.0))) } {}
                    }
                }
            }
        },
    }
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share.clamp(0.0, 1.0) * 100.0)
}
