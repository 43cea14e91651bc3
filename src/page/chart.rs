//! Charts as SVG, twice: for a wide window and for a phone, so that the words in them can be read in both.

use maud::{Markup, PreEscaped, html as markup};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::label::{self, counted, short};
use super::layout::of_table;
use super::{Cell, Column, Table};

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What one sees in it, for who does not.
    pub description: String,
    /// How it is drawn.
    pub kind: Kind,
    /// What is counted.
    pub unit: Unit,
    /// What is along the axis: weeks, or what is compared.
    pub labels: Vec<String>,
    /// The values, at most six rows of them.
    pub series: Vec<Series>,
}

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A column for each label, of a piece for each series.
    Stacked,
    /// Columns beside each other for each label, one for each series.
    Grouped,
    /// A line for each series.
    Lines,
}

/// What a chart counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Shares of one, shown as percent from 0 to 100.
    Share,
}

/// One row of values, as many as there are labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Its values; none where there is none.
    pub values: Vec<Option<f64>>,
    /// Between what each true value lies, where that is known.
    pub intervals: Vec<Option<(f64, f64)>>,
    /// Whether it stands for what is not known or not worth a colour.
    pub is_grey: bool,
}

impl Series {
    /// Values without intervals.
    pub fn new(name: impl Into<String>, values: Vec<Option<f64>>) -> Self {
        Self { name: name.into(), values, intervals: Vec::new(), is_grey: false }
    }

    /// The same in grey.
    #[must_use]
    pub fn in_grey(mut self) -> Self {
        self.is_grey = true;
        self
    }

    fn value(&self, place: usize) -> Option<f64> {
        self.values.get(place).copied().flatten().filter(|value| can_be_drawn(*value))
    }

    fn interval(&self, place: usize) -> Option<(f64, f64)> {
        let (low, high) = self.intervals.get(place).copied().flatten()?;
        (can_be_drawn(low) && can_be_drawn(high)).then_some((low, high))
    }
}

/// Plotters never comes to an end with numbers that are none. Beyond 2^52 things are not counted one by one any more.
fn can_be_drawn(value: f64) -> bool {
    (0.0..=4.5e15).contains(&value)
}

/// Colours that stand for those of the style sheet; the last is grey.
const COLOURS: [RGBColor; 6] = [
    RGBColor(1, 1, 1),
    RGBColor(2, 2, 2),
    RGBColor(3, 3, 3),
    RGBColor(4, 4, 4),
    RGBColor(5, 5, 5),
    RGBColor(6, 6, 6),
];
const INK: RGBColor = RGBColor(10, 10, 10);
const LINE: RGBColor = RGBColor(11, 11, 11);

/// Plotters takes the size of a font for the height of its tallest letters, and writes a smaller one.
const TO_UNITS: f64 = 1.24;

/// How large a chart is drawn, in units of its view box.
#[derive(Debug, Clone, Copy)]
struct Size {
    width: u32,
    height: u32,
    font: u32,
    /// Most labels along the axis.
    labels: usize,
    /// Columns that there is room for at least: few are not drawn as wide as the whole.
    columns: u32,
    class: &'static str,
}

const WIDE: Size = Size { width: 880, height: 300, font: 14, labels: 14, columns: 5, class: "wide" };
const NARROW: Size = Size { width: 340, height: 260, font: 13, labels: 5, columns: 3, class: "narrow" };

impl Size {
    /// From one line of words to the next.
    const fn line(self) -> u32 {
        self.font * 6 / 5
    }
}

type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

impl Chart {
    /// The chart with its title, its legend, and the table of its numbers.
    pub(super) fn figure(&self) -> Markup {
        markup! {
            figure {
                figcaption { (self.title) }
                @if self.is_empty() {
                    p.empty { "Nothing to show: there is no such figure in this time." }
                } @else {
                    @if self.series.len() > 1 {
                        ul.legend {
                            @for (series, colour) in self.coloured() {
                                li {
                                    span.swatch style={ "background:var(--c" (colour.0) ")" } {}
                                    (series.name)
                                }
                            }
                        }
                    }
                    (PreEscaped(self.svg(WIDE)))
                    (PreEscaped(self.svg(NARROW)))
                    details {
                        summary { "The numbers" }
                        (of_table(&self.table()))
                    }
                }
            }
        }
    }

    /// Each series with its colour.
    fn coloured(&self) -> impl Iterator<Item = (&Series, RGBColor)> {
        let [colours @ .., grey] = COLOURS;
        let mut colours = colours.into_iter().cycle();
        self.series.iter().map(move |series| {
            let next = if series.is_grey { None } else { colours.next() };
            (series, next.unwrap_or(grey))
        })
    }

    fn is_empty(&self) -> bool {
        let places = 0..self.labels.len();
        self.series.iter().all(|series| places.clone().all(|place| series.value(place).is_none()))
    }

    fn table(&self) -> Table {
        let number = |value: f64| match self.unit {
            Unit::Count => counted(value),
            Unit::Share => format!("{:.1} %", value * 100.0),
        };
        let cell = |series: &Series, place: usize| {
            let value = series.value(place);
            Cell::text(match (value, series.interval(place)) {
                (Some(value), Some((low, high))) => {
                    format!("{} ({} to {})", number(value), number(low), number(high))
                }
                (Some(value), None) => number(value),
                (None, _) => "–".to_owned(),
            })
        };
        let row = |(place, label): (usize, &String)| {
            let cells = self.series.iter().map(|series| cell(series, place));
            std::iter::once(Cell::text(label.clone())).chain(cells).collect()
        };
        Table {
            caption: self.title.clone(),
            columns: std::iter::once(Column::words(""))
                .chain(self.series.iter().map(|series| Column::numbers(&series.name)))
                .collect(),
            rows: self.labels.iter().enumerate().map(row).collect(),
        }
    }

    /// The drawing, as an image with words for who does not see it.
    fn svg(&self, size: Size) -> String {
        let mut drawn = String::new();
        {
            let root = SVGBackend::with_string(&mut drawn, (size.width, size.height)).into_drawing_area();
            // Drawing into a string fails only where plotters itself is wrong; then the table of numbers is what is left.
            if self.draw(&root, size).and_then(|()| root.present()).is_err() {
                return String::new();
            }
        }
        let Some(start) = drawn.find('>') else { return String::new() };
        let body = drawn.get(start + 1..).unwrap_or_default();
        let opening = markup! { (self.title) ". " (self.description) }.into_string();
        format!(
            "<svg class=\"{}\" role=\"img\" aria-label=\"{opening}\" viewBox=\"0 0 {} {}\" xmlns=\"http://www.w3.org/2000/svg\">{body}",
            size.class, size.width, size.height
        )
    }

    /// The largest value that has to be seen.
    fn top(&self) -> f64 {
        if self.unit == Unit::Share {
            return 1.0;
        }
        let column = |place: usize| {
            let values = self.series.iter().map(|series| {
                let value = series.value(place).unwrap_or_default();
                series.interval(place).map_or(value, |(_, high)| high.max(value))
            });
            if self.kind == Kind::Stacked { values.sum::<f64>() } else { values.fold(0.0, f64::max) }
        };
        (0..self.labels.len()).map(column).fold(0.0, f64::max).max(1.0) * 1.06
    }

    /// How many numbers stand at the side. Things are not counted in parts.
    fn ticks(&self) -> usize {
        match self.unit {
            Unit::Count if self.top() < 3.0 => 2,
            Unit::Count if self.top() < 6.0 => 3,
            Unit::Count | Unit::Share => 5,
        }
    }

    fn draw<'a>(&self, root: &DrawingArea<SVGBackend<'a>, plotters::coord::Shift>, size: Size) -> Drawn<'a> {
        let count = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        let room = f64::from(size.columns.saturating_sub(count)) / 2.0;
        let labels = self.shown_labels(size);
        let lines = labels.iter().map(|(_, lines)| lines.len()).max().unwrap_or_default();
        let lines = u32::try_from(lines).unwrap_or_default();
        let (left, right) = (-0.5 - room, f64::from(count) - 0.5 + room);
        let mut chart = ChartBuilder::on(root)
            .margin_top(size.font)
            .margin_right(size.font)
            .x_label_area_size(size.font + lines * size.line())
            .y_label_area_size(size.font * 4)
            .build_cartesian_2d(left..right, 0.0..self.top())?;
        let font = ("sans-serif", f64::from(size.font) * TO_UNITS).into_font().color(&INK);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(0)
            .y_labels(self.ticks())
            .axis_style(LINE)
            .bold_line_style(LINE)
            .light_line_style(TRANSPARENT)
            .y_label_style(font.clone())
            .y_label_formatter(&|value| match self.unit {
                Unit::Share => format!("{:.0} %", value * 100.0),
                Unit::Count => short(*value),
            })
            .draw()?;
        let below = font.pos(Pos::new(HPos::Center, VPos::Top));
        let plane = chart.plotting_area();
        let pixels = |units: u32| i32::try_from(units).unwrap_or_default();
        for (place, lines) in labels {
            let (x, mut y) = plane.map_coordinate(&(position(place), 0.0));
            y += pixels(size.font * 3 / 4);
            for line in lines {
                root.draw(&Text::new(line, (x, y), below.clone()))?;
                y += pixels(size.line());
            }
        }
        match self.kind {
            Kind::Stacked => self.draw_stacked(plane),
            Kind::Grouped => self.draw_grouped(plane),
            Kind::Lines => self.draw_lines(plane),
        }
    }

    /// The labels that there is room for, in lines as long as there is room for.
    fn shown_labels(&self, size: Size) -> Vec<(usize, Vec<String>)> {
        let step = self.labels.len().div_ceil(size.labels).max(1);
        let count = u32::try_from(self.labels.len().div_ceil(step)).unwrap_or(u32::MAX);
        // A letter is about half as wide as it is high.
        let letters = size.width.saturating_sub(size.font * 5) * 2 / (count.max(size.columns) * size.font);
        let labels = self.labels.iter().enumerate().step_by(step);
        labels.map(|(place, label)| (place, label::lines(label, letters))).collect()
    }

    fn draw_stacked<'a>(&self, plane: &Plane<'a>) -> Drawn<'a> {
        let mut floors = vec![0.0; self.labels.len()];
        for (series, colour) in self.coloured() {
            for (place, floor) in floors.iter_mut().enumerate() {
                let value = series.value(place).unwrap_or_default();
                if value > 0.0 {
                    let x = position(place);
                    let corners = [(x - 0.36, *floor), (x + 0.36, *floor + value)];
                    plane.draw(&Rectangle::new(corners, colour.filled()))?;
                    *floor += value;
                }
            }
        }
        Ok(())
    }

    fn draw_grouped<'a>(&self, plane: &Plane<'a>) -> Drawn<'a> {
        let width = 0.76 / position(self.series.len().max(1));
        for (number, (series, colour)) in self.coloured().enumerate() {
            for place in 0..self.labels.len() {
                let Some(value) = series.value(place) else { continue };
                let left = position(place) - 0.38 + width * position(number);
                let corners = [(left + width * 0.06, 0.0), (left + width * 0.94, value)];
                plane.draw(&Rectangle::new(corners, colour.filled()))?;
                if let Some((low, high)) = series.interval(place) {
                    let x = left + width / 2.0;
                    plane.draw(&PathElement::new([(x, low), (x, high)], INK.stroke_width(2)))?;
                    for end in [low, high] {
                        let cap = [(x - width * 0.15, end), (x + width * 0.15, end)];
                        plane.draw(&PathElement::new(cap, INK.stroke_width(2)))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn draw_lines<'a>(&self, plane: &Plane<'a>) -> Drawn<'a> {
        for (series, colour) in self.coloured() {
            // Where there is no value there is no line either.
            let bands = runs(self.labels.len(), |place| series.interval(place));
            for band in bands.iter().filter(|band| band.len() > 1) {
                let upper = band.iter().map(|(x, (_, high))| (*x, *high));
                let lower = band.iter().rev().map(|(x, (low, _))| (*x, *low));
                let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
                plane.draw(&Polygon::new(outline, colour.mix(0.18)))?;
            }
            let lines = runs(self.labels.len(), |place| series.value(place));
            for line in lines.iter().filter(|line| line.len() > 1) {
                plane.draw(&PathElement::new(line.clone(), colour.stroke_width(2)))?;
            }
            for point in lines.into_iter().flatten() {
                plane.draw(&Circle::new(point, 3, colour.filled()))?;
            }
        }
        Ok(())
    }
}

type Plane<'a> = DrawingArea<
    SVGBackend<'a>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

/// What there is without a gap between, each with where it stands.
fn runs<T>(places: usize, of: impl Fn(usize) -> Option<T>) -> Vec<Vec<(f64, T)>> {
    let mut runs = vec![Vec::new()];
    for place in 0..places {
        match (of(place), runs.last_mut()) {
            (Some(value), Some(run)) => run.push((position(place), value)),
            _ => runs.push(Vec::new()),
        }
    }
    runs
}

/// Where a column stands.
fn position(place: usize) -> f64 {
    f64::from(u32::try_from(place).unwrap_or(u32::MAX))
}
