//! Numbers that make no sense, and labels that are too long: every chart comes to an end, and says what it was given.

use proptest::prelude::*;

use codepipeline_retrier::page::{Block, Chart, Kind, Page, Section, Series, Unit, html};

fn page_of(chart: Chart) -> String {
    let section = Section {
        id: "only",
        heading: "Only this".to_owned(),
        lead: String::new(),
        blocks: vec![Block::Chart(chart)],
    };
    html(&Page {
        title: String::new(),
        subtitle: String::new(),
        sections: vec![section],
        colophon: String::new(),
    })
}

fn chart(kind: Kind, unit: Unit, labels: Vec<String>, series: Vec<Series>) -> Chart {
    Chart {
        title: "What is shown".to_owned(),
        description: "What one sees.".to_owned(),
        kind,
        unit,
        labels,
        series,
    }
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..1_000.0,
        1 => 0.0..1e15,
        1 => prop::sample::select(vec![0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE]),
    ]
}

fn series() -> impl Strategy<Value = Series> {
    let values = prop::collection::vec(prop::option::of(number()), 0..8);
    let intervals = prop::collection::vec(prop::option::of((number(), number())), 0..8);
    (values, intervals, any::<bool>()).prop_map(|(values, intervals, is_grey)| Series {
        intervals,
        is_grey,
        ..Series::new("a", values)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_chart_is_drawn_whatever_its_numbers(
        kind in prop::sample::select(vec![Kind::Stacked, Kind::Grouped, Kind::Lines]),
        unit in prop::sample::select(vec![Unit::Count, Unit::Share]),
        labels in prop::collection::vec("[ -~]{0,40}", 0..8),
        series in prop::collection::vec(series(), 0..8),
    ) {
        let page = page_of(chart(kind, unit, labels, series));
        prop_assert_ne!(page.contains("Nothing to show"), page.contains("<svg"));
        prop_assert!(!page.contains("NaN") && !page.contains(">inf"));
    }
}

#[test]
fn there_is_no_line_where_there_is_no_value() {
    let labels = |count: usize| (0..count).map(|week| format!("Week {week}")).collect();
    let lines = |values: &[Option<f64>]| {
        let series = vec![Series::new("Green", values.to_vec())];
        let page = page_of(chart(Kind::Lines, Unit::Share, labels(values.len()), series));
        // Each chart is drawn twice.
        page.matches("<polyline").count() / 2
    };
    let some = Some(0.5);
    let ground = lines(&[None, some]);
    assert_eq!(lines(&[some, some, some, some]), ground + 1);
    assert_eq!(lines(&[some, some, None, some, some]), ground + 2);
}
