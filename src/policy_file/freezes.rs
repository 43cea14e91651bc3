//! The entries of `freezes`: times at which nothing is retried, each valid by itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Time;
use jiff::tz::TimeZoneDatabase;

use crate::domain::freeze::{Day, Freeze, Weekly, When, Zone};
use crate::domain::ids::{CalendarArn, FreezeName};
use crate::domain::policy::Rule;

use super::diagnostic::{Code, Diagnostic, quote};
use super::document::own_name;
use super::keys;
use super::near;
use super::node::{Node, Value};
use super::quantity;
use super::read::{self, Fields, Findings, Spanned};

/// An entry of `freezes`. One that could not be read still has its name, so that its users are not blamed.
#[derive(Debug)]
pub(super) struct GivenFreeze {
    pub name: Spanned<String>,
    pub freeze: Option<Freeze>,
}

pub(super) const DAYS: [(&str, Day); 7] = [
    (Day::Monday.as_str(), Day::Monday),
    (Day::Tuesday.as_str(), Day::Tuesday),
    (Day::Wednesday.as_str(), Day::Wednesday),
    (Day::Thursday.as_str(), Day::Thursday),
    (Day::Friday.as_str(), Day::Friday),
    (Day::Saturday.as_str(), Day::Saturday),
    (Day::Sunday.as_str(), Day::Sunday),
];

/// Every entry.
pub(super) fn read(node: &Node, findings: &mut Findings) -> Vec<GivenFreeze> {
    let entries = read::entries(node, "`freezes`", findings).unwrap_or_default();
    let mut freezes = Vec::new();
    for (name, entry) in entries {
        let parsed = own_name(FreezeName::parse(name), "a freeze", name, entry.key.span, findings);
        let freeze = parsed.zip(when(&entry.value, findings)).map(|(name, when)| Freeze { name, when });
        freezes.push(GivenFreeze { name: Spanned { value: name.to_owned(), span: entry.key.span }, freeze });
    }
    freezes
}

fn when(node: &Node, findings: &mut Findings) -> Option<When> {
    let fields = Fields::read(node, "a freeze", &keys::FREEZE, findings)?;
    let Some(calendar_node) = fields.get("change-calendar") else {
        let weekly = weekly(&fields, node, findings)?;
        return fields.is_sound().then_some(When::Weekly(weekly));
    };
    let arn = calendar(calendar_node, findings);
    for (key, of_window) in ["days", "from", "to", "timezone"].map(|key| (key, fields.get(key))) {
        if let Some(node) = of_window {
            let message = format!("a freeze with a `change-calendar` has no `{key}`: the calendar says when");
            let finding = Diagnostic::new(Code::UnknownKey, node.span, message);
            findings.push(finding.hint("make it two freezes; a rule may name both"));
            return None;
        }
    }
    fields.is_sound().then_some(When::Calendar(arn?))
}

fn calendar(node: &Node, findings: &mut Findings) -> Option<CalendarArn> {
    let written = read::text(node, "`change-calendar`", findings)?;
    match CalendarArn::parse(written) {
        Ok(arn) => Some(arn),
        Err(invalid) => {
            let message = format!("{} is not the ARN of a change calendar", quote(written));
            let hint = format!("write `{}`", invalid.rule);
            findings.push(Diagnostic::new(Code::BadCalendar, node.span, message).hint(hint));
            None
        }
    }
}

fn weekly(fields: &Fields<'_>, whole: &Node, findings: &mut Findings) -> Option<Weekly> {
    if matches!(&whole.value, Value::Map(entries) if entries.is_empty()) {
        let finding = Diagnostic::new(Code::MissingKey, whole.span, "the freeze says nothing");
        findings.push(finding.hint(
            "write a window, such as `{ from: \"20:00\", to: \"06:00\", timezone: Europe/Berlin }`, or a \
             `change-calendar`",
        ));
        return None;
    }
    let zone = fields.require("timezone", findings).and_then(|node| zone(node, findings));
    let days = match fields.get("days") {
        Some(node) => days(node, findings),
        None => Some(Day::ALL.into()),
    };
    let from = match fields.get("from") {
        Some(node) => time(node, "`from`", findings).and_then(|from| {
            if from.is_none() {
                let message = "`from` must be from 00:00 to 23:59";
                findings.push(Diagnostic::new(Code::OutOfRange, node.span, message));
            }
            from
        }),
        None => Some(Time::midnight()),
    };
    let to = match fields.get("to") {
        Some(node) => time(node, "`to`", findings),
        None => Some(None),
    };
    let (zone, days, from, to) = (zone?, days?, from?, to?);
    let weekly = Weekly::new(days, from, to, zone);
    if weekly.is_none()
        && let Some(node) = fields.get("to")
    {
        let finding = Diagnostic::new(Code::OutOfRange, node.span, "`to` is the same as `from`");
        findings.push(finding.hint("for whole days leave both out"));
    }
    weekly
}

fn zone(node: &Node, findings: &mut Findings) -> Option<Zone> {
    let written = read::text(node, "`timezone`", findings)?;
    // What this program brings along, so that a policy means the same wherever it is read.
    let database = TimeZoneDatabase::bundled();
    let found = database.get(written).ok();
    let zone = found.and_then(|rules| Some(Zone::new(rules.iana_name()?.to_owned(), rules.clone())));
    if zone.is_none() {
        let names: Vec<String> = database.available().map(|name| name.as_str().to_owned()).collect();
        let message = format!("there is no time zone {}", quote(written));
        let mut finding = Diagnostic::new(Code::BadTimeZone, node.span, message);
        finding.hint = near::guess(written, names.iter().map(String::as_str))
            .or_else(|| Some("write the IANA name of a place, such as `Europe/Berlin`, or `UTC`".to_owned()));
        findings.push(finding);
    }
    zone
}

fn days(node: &Node, findings: &mut Findings) -> Option<BTreeSet<Day>> {
    let known = DAYS.map(|(name, _)| name);
    let names = read::distinct_words(node, "`days`", &known, findings)?;
    let mut days = BTreeSet::new();
    let mut is_sound = true;
    for name in names {
        if let Some((_, day)) = DAYS.iter().find(|(known, _)| *known == name.value) {
            days.insert(*day);
            continue;
        }
        is_sound = false;
        let message = format!("there is no day {}", quote(name.value));
        let mut finding = Diagnostic::new(Code::UnknownValue, name.span, message);
        finding.hint = near::hint(name.value, known);
        findings.push(finding);
    }
    is_sound.then_some(days)
}

/// A time of the day; the inner nothing is its end.
#[expect(clippy::option_option, reason = "not a time, the end of the day, or a time")]
fn time(node: &Node, what: &str, findings: &mut Findings) -> Option<Option<Time>> {
    let written = read::text(node, what, findings)?;
    let time = quantity::time_of_day(written);
    if time.is_none() {
        let message = format!("{} is not a time of the day", quote(written));
        let finding = Diagnostic::new(Code::BadTime, node.span, message);
        findings.push(finding.hint("write hours and minutes: `\"06:00\"`, `\"20:30\"` or `\"24:00\"`"));
    }
    time
}

/// Freezes by name.
pub(super) struct KnownFreezes {
    /// Nothing for a freeze that could not be read.
    by_name: BTreeMap<String, Option<Freeze>>,
}

impl KnownFreezes {
    pub fn new(given: &[GivenFreeze]) -> Self {
        let by_name = given.iter().map(|given| (given.name.value.clone(), given.freeze.clone()));
        Self { by_name: by_name.collect() }
    }

    pub fn find(&self, name: &Spanned<String>, findings: &mut Findings) -> Option<Freeze> {
        if let Some(known) = self.by_name.get(&name.value) {
            return known.clone();
        }
        let message = format!("there is no freeze {}", quote(&name.value));
        let mut finding = Diagnostic::new(Code::UnknownFreeze, name.span, message);
        finding.hint = near::hint(&name.value, self.by_name.keys().map(String::as_str))
            .or_else(|| Some("describe it under `freezes`".to_owned()));
        findings.push(finding);
        None
    }
}

/// Notes freezes that no rule names.
pub(super) fn note_unused(freezes: &[GivenFreeze], rules: &[Rule], findings: &mut Findings) {
    let used: BTreeSet<&str> =
        rules.iter().flat_map(|rule| &rule.settings.freezes).map(|freeze| freeze.name.as_str()).collect();
    for GivenFreeze { name, .. } in freezes {
        if !used.contains(name.value.as_str()) {
            let message = format!("no rule names the freeze `{}`", name.value);
            let finding = Diagnostic::new(Code::UnusedFreeze, name.span, message);
            findings.push(finding.hint("name it in `freezes` of `defaults` or of a rule"));
        }
    }
}
