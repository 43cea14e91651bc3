//! Draws the dashboard as a page with pictures, much as CloudWatch's console does, to be looked at.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::cloudwatch::Cloud;
use super::lines::{Line, lines};
use super::scene::Told;

/// Colours for lines that have none of their own, in CloudWatch's order.
const COLORS: [&str; 10] = [
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22",
    "#17becf",
];
/// Pixels of a column and of a row of the grid.
const COLUMN: u64 = 60;
const ROW: u64 = 46;

/// Text as HTML has it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The page with all widgets, and the alarms that went off.
pub fn page(widgets: &[Value], cloud: &Cloud, alarms: &BTreeMap<String, bool>, told: &Told) -> String {
    let mut page = "<!doctype html><meta charset=utf-8><title>Dashboard</title><style>\
        body{font:12px sans-serif;background:#f2f3f3;margin:0}div{position:absolute;background:#fff;border:1px solid #ddd;\
        box-sizing:border-box;overflow:hidden;padding:6px}h2{font-size:13px;margin:0 0 2px}span{display:inline-block;\
        margin:2px 8px 0 0}b.on{color:#d13212}b.off{color:#2ca02c}</style>"
        .to_owned();
    for widget in widgets {
        let number = |name: &str| widget[name].as_u64().unwrap();
        let (width, height) = (number("width") * COLUMN - 6, number("height") * ROW - 6);
        let _ = write!(
            page,
            "<div style='left:{}px;top:{}px;width:{width}px;height:{height}px'>",
            number("x") * COLUMN + 3,
            number("y") * ROW + 3
        );
        let properties = &widget["properties"];
        if let Some(title) = properties["title"].as_str() {
            let _ = write!(page, "<h2>{}</h2>", escaped(title));
        }
        match widget["type"].as_str().unwrap() {
            "text" => page.push_str(&escaped(properties["markdown"].as_str().unwrap())),
            "alarm" => {
                for (name, went_off) in alarms {
                    let (class, said) = if *went_off { ("on", "went off") } else { ("off", "OK") };
                    let _ = write!(page, "<span>{name} <b class={class}>{said}</b></span>");
                }
            }
            _ => chart(&mut page, properties, &lines(properties, cloud), told, (width - 14, height - 26)),
        }
        page.push_str("</div>");
    }
    page
}

/// A number that is not too long.
fn short(number: f64) -> String {
    if number >= 10_000.0 {
        format!("{:.0}k", number / 1000.0)
    } else if number.fract() == 0.0 {
        format!("{number:.0}")
    } else {
        format!("{number:.1}")
    }
}

fn chart(page: &mut String, properties: &Value, shown: &[Line], told: &Told, (width, height): (u64, u64)) {
    let legend_rows = (shown.len() as u64).div_ceil(3);
    let (width, plot) = (width as f64, (height - 18 - 15 * legend_rows) as f64);
    let (left, right) = (40.0, 34.0);
    let (from, to) = (told.from.as_second() as f64, told.to.as_second() as f64);
    let x = |second: f64| left + (second - from) / (to - from) * (width - left - right);
    let is_stacked = properties["stacked"] == true;
    let highest = |is_right: bool| {
        let mut all: BTreeMap<i64, f64> = BTreeMap::new();
        for line in shown.iter().filter(|line| line.is_right == is_right) {
            for (begin, value) in &line.points {
                let sum = all.entry(*begin).or_default();
                *sum = if is_stacked { *sum + value } else { sum.max(*value) };
            }
        }
        all.into_values().fold(0.0_f64, f64::max).max(1.0)
    };
    let tops = [highest(false), highest(true)];
    let y = |value: f64, is_right: bool| 8.0 + (plot - 8.0) * (1.0 - value / tops[usize::from(is_right)]);
    let _ = write!(page, "<svg width={width} height={height} font-size=10>");
    for part in 0..=4 {
        let share = f64::from(part) / 4.0;
        let at = y(tops[0] * share, false);
        let _ = write!(page, "<path d='M{left} {at}H{}' stroke='#eee'/>", width - right);
        let _ = write!(
            page,
            "<text x={} y={} text-anchor=end fill='#555'>{}</text>",
            left - 4.0,
            at + 3.0,
            short(tops[0] * share)
        );
        if shown.iter().any(|line| line.is_right) {
            let _ = write!(
                page,
                "<text x={} y={} fill='#555'>{}</text>",
                width - right + 4.0,
                at + 3.0,
                short(tops[1] * share)
            );
        }
    }
    for hour in (0..=24).step_by(4) {
        let at = x(from + f64::from(hour) * 3600.0);
        let _ =
            write!(page, "<text x={at} y={} text-anchor=middle fill='#555'>{hour:02}:00</text>", plot + 12.0);
    }
    if let Some(label) = properties["yAxis"]["left"]["label"].as_str() {
        let _ = write!(page, "<text x=2 y=8 fill='#555'>{label}</text>");
    }
    for mark in properties["annotations"]["horizontal"].as_array().into_iter().flatten() {
        let at = y(mark["value"].as_f64().unwrap(), false);
        let _ = write!(
            page,
            "<path d='M{left} {at}H{}' stroke={} stroke-dasharray='4 3'/>",
            width - right,
            mark["color"]
        );
    }
    let mut base: BTreeMap<i64, f64> = BTreeMap::new();
    for (index, line) in shown.iter().enumerate() {
        let color = line.color.as_deref().unwrap_or(COLORS[index % COLORS.len()]);
        if is_stacked {
            area(page, line, color, &mut base, &x, &y);
        } else {
            curve(page, line, color, &x, &y);
        }
        let row = index as u64 / 3;
        let (at_x, at_y) =
            (left + (index % 3) as f64 * (width - left) / 3.0, plot + 28.0 + (row * 15) as f64);
        let _ = write!(page, "<rect x={at_x} y={} width=9 height=9 fill='{color}'/>", at_y - 8.0);
        let _ = write!(page, "<text x={} y={at_y}>{}</text>", at_x + 12.0, escaped(&line.label));
    }
    page.push_str("</svg>");
}

/// Bars on top of each other, one for each period.
fn area(
    page: &mut String,
    line: &Line,
    color: &str,
    base: &mut BTreeMap<i64, f64>,
    x: &impl Fn(f64) -> f64,
    y: &impl Fn(f64, bool) -> f64,
) {
    for (begin, value) in &line.points {
        let below = base.entry(*begin).or_default();
        let (bottom, top) = (y(*below, false), y(*below + value, false));
        *below += value;
        let (left, right) = (x(*begin as f64), x((begin + line.period) as f64));
        let _ = write!(
            page,
            "<rect x={left} y={top} width={} height={} fill='{color}' fill-opacity=.75 />",
            (right - left - 0.5).max(0.5),
            bottom - top
        );
    }
}

/// A line where periods follow each other, and dots where they do not.
fn curve(
    page: &mut String,
    line: &Line,
    color: &str,
    x: &impl Fn(f64) -> f64,
    y: &impl Fn(f64, bool) -> f64,
) {
    let mut before: Option<i64> = None;
    let mut path = String::new();
    for (begin, value) in &line.points {
        let (at_x, at_y) = (x(*begin as f64), y(*value, line.is_right));
        let verb = if before == Some(begin - line.period) { 'L' } else { 'M' };
        let _ = write!(path, "{verb}{at_x:.1} {at_y:.1}");
        let _ = write!(page, "<circle cx={at_x:.1} cy={at_y:.1} r=1.4 fill='{color}'/>");
        before = Some(*begin);
    }
    let _ = write!(page, "<path d='{path}' fill=none stroke='{color}' stroke-width=1.5 />");
}
