//! Pages for people: one HTML file with everything in it, no script, nothing fetched. Light and dark, on a phone, on paper,
//! and read aloud.
//!
//! What is on a page is plain data ([`Page`] and what is in it), so that the figures that are drawn are those that are
//! written as JSON. Charts are drawn by `plotters` as SVG in colours that stand for others: the style sheet gives each its
//! colour in the light and in the dark. Bars in tables are HTML, since they have to stand in a line of text.

mod chart;
mod label;
mod layout;

pub use chart::{Chart, Kind, Series, Unit};
pub use layout::html;

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Its title, and its first heading.
    pub title: String,
    /// What it is about: of what, from when to when.
    pub subtitle: String,
    /// What is on it.
    pub sections: Vec<Section>,
    /// Who made it when, at its end.
    pub colophon: String,
}

/// A part of a page under a heading.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// By which it is linked.
    pub id: &'static str,
    /// Its heading.
    pub heading: String,
    /// What it says, in a sentence.
    pub lead: String,
    /// What is in it.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Numbers that matter most.
    Tiles(Vec<Tile>),
    /// A table.
    Table(Table),
    /// A chart.
    Chart(Chart),
    /// Points, one below the other.
    List(Vec<String>),
    /// A sentence that stands out.
    Note(String),
    /// Something to be copied as it is.
    Code(String),
}

/// A number that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// What it counts.
    pub label: String,
    /// The number.
    pub value: String,
    /// What to know of it.
    pub note: String,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows; the first cell of each names it.
    pub rows: Vec<Vec<Cell>>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub label: String,
    /// Whether numbers stand in it.
    pub is_number: bool,
}

impl Column {
    /// A column of words.
    pub fn words(label: &str) -> Self {
        Self { label: label.to_owned(), is_number: false }
    }

    /// A column of numbers.
    pub fn numbers(label: &str) -> Self {
        Self { label: label.to_owned(), is_number: true }
    }
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words or a number.
    Text(String),
    /// A number with a bar.
    Bar {
        /// The number in words.
        text: String,
        /// How long the bar is, from 0 to 1.
        length: f64,
        /// Between what the true value lies, from 0 to 1, where that is known.
        interval: Option<(f64, f64)>,
    },
}

impl Cell {
    /// Words, or a number.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}
