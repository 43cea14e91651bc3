//! An alarm as the template defines it, evaluated by CloudWatch's rules
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>, and *Configuring how alarms treat
//! missing data* beside it).

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::cloudwatch::{Cloud, Name};

/// How an alarm stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Fine,
    Alarm,
    InsufficientData,
}

/// An alarm.
#[derive(Debug, Clone)]
pub struct Alarm {
    pub name: Name,
    pub statistic: String,
    /// In seconds.
    pub period: i64,
    pub periods: usize,
    pub datapoints: usize,
    comparison: String,
    threshold: f64,
    missing: String,
}

/// A whole number, which CloudFormation also takes as text.
fn whole_number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

impl Alarm {
    /// The alarm with these properties. Stops at what it does not know, since that would not be evaluated.
    pub fn of(properties: &Value) -> Self {
        const KNOWN: [&str; 14] = [
            "AlarmName",
            "AlarmDescription",
            "Namespace",
            "MetricName",
            "Dimensions",
            "Statistic",
            "Period",
            "EvaluationPeriods",
            "DatapointsToAlarm",
            "ComparisonOperator",
            "Threshold",
            "TreatMissingData",
            "AlarmActions",
            "OKActions",
        ];
        for name in properties.as_object().unwrap().keys() {
            assert!(KNOWN.contains(&name.as_str()), "`{name}` of an alarm is not known here");
        }
        let text = |name: &str| properties[name].as_str().unwrap_or_else(|| panic!("`{name}`")).to_owned();
        let whole = |name: &str| whole_number(&properties[name]).unwrap_or_else(|| panic!("`{name}`"));
        let dimensions = properties["Dimensions"].as_array().into_iter().flatten();
        let dimensions = dimensions
            .map(|of| (of["Name"].as_str().unwrap().to_owned(), of["Value"].as_str().unwrap().to_owned()));
        let periods = usize::try_from(whole("EvaluationPeriods")).unwrap();
        let datapoints = whole_number(&properties["DatapointsToAlarm"]);
        let datapoints = datapoints.map_or(periods, |number| usize::try_from(number).unwrap());
        assert!((1..=periods).contains(&datapoints));
        Self {
            name: Name {
                namespace: text("Namespace"),
                metric: text("MetricName"),
                dimensions: dimensions.collect(),
            },
            statistic: text("Statistic"),
            period: whole("Period"),
            periods,
            datapoints,
            comparison: text("ComparisonOperator"),
            threshold: properties["Threshold"].as_f64().unwrap(),
            missing: text("TreatMissingData"),
        }
    }

    fn breaches(&self, value: f64) -> bool {
        match self.comparison.as_str() {
            "GreaterThanOrEqualToThreshold" => value >= self.threshold,
            "GreaterThanThreshold" => value > self.threshold,
            "LessThanThreshold" => value < self.threshold,
            "LessThanOrEqualToThreshold" => value <= self.threshold,
            other => panic!("comparison `{other}` is not known here"),
        }
    }

    /// How it stands after these periods, the newest last. What is missing is looked for further back, then filled.
    fn evaluate(&self, range: &[Option<f64>]) -> State {
        let mut real: Vec<bool> = range.iter().flatten().map(|value| self.breaches(*value)).collect();
        if real.len() > self.periods {
            real.drain(..real.len() - self.periods);
        }
        let filled = match self.missing.as_str() {
            "breaching" => self.periods - real.len(),
            "notBreaching" => 0,
            other => panic!("missing data treated as `{other}` is not known here"),
        };
        let breaching = real.iter().filter(|breaching| **breaching).count() + filled;
        if breaching >= self.datapoints { State::Alarm } else { State::Fine }
    }

    /// How it stood at the end of every period from then to then.
    pub fn states(&self, cloud: &Cloud, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, State)> {
        let series = cloud.series(&self.name, &self.statistic, self.period);
        // CloudWatch looks back further than it evaluates, for data points in the place of missing ones.
        let range = i64::try_from(self.periods).unwrap() + 2;
        let first = from.as_second().div_euclid(self.period);
        let last = to.as_second().div_euclid(self.period);
        let mut state = State::InsufficientData;
        let mut states = Vec::new();
        for period in first..=last {
            let points: Vec<Option<f64>> = (period - range + 1..=period)
                .filter(|number| *number >= first)
                .map(|number| series.get(&(number * self.period)).copied())
                .collect();
            // An alarm that was only just made waits until there is something to evaluate.
            if points.len() >= self.periods || points.iter().any(Option::is_some) {
                state = self.evaluate(&points);
            }
            states.push((Timestamp::from_second((period + 1) * self.period).unwrap(), state));
        }
        states
    }

    /// When it went off and when it was over, as changes between the two.
    pub fn changes(&self, cloud: &Cloud, from: Timestamp, to: Timestamp) -> Vec<(SignedDuration, bool)> {
        let mut changes = Vec::new();
        let mut is_on = false;
        for (at, state) in self.states(cloud, from, to) {
            if is_on != (state == State::Alarm) {
                is_on = !is_on;
                changes.push((at.duration_since(from), is_on));
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn alarm(missing: &str, datapoints: u32, periods: u32) -> Alarm {
        Alarm::of(&json!({
            "Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": periods,
            "DatapointsToAlarm": datapoints, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 1,
            "TreatMissingData": missing,
        }))
    }

    /// The tables of AWS's page, for three periods in a range of five: `0` is fine, `X` breaches, `-` is missing.
    #[test]
    fn missing_data_is_treated_as_in_the_tables_of_the_documentation() {
        let points = |text: &str| -> Vec<Option<f64>> {
            text.chars().map(|c| Some(f64::from(u8::from(c == 'X'))).filter(|_| c != '-')).collect()
        };
        for (datapoints, range, breaching, not_breaching) in [
            (3, "0-X-X", State::Fine, State::Fine),
            (3, "0----", State::Fine, State::Fine),
            (3, "-----", State::Alarm, State::Fine),
            (3, "0XX-X", State::Alarm, State::Alarm),
            (3, "--X--", State::Alarm, State::Fine),
            (2, "0-X-X", State::Alarm, State::Alarm),
            (2, "00X0X", State::Alarm, State::Alarm),
            (2, "0-X--", State::Alarm, State::Fine),
            (2, "----0", State::Alarm, State::Fine),
            (2, "---X-", State::Alarm, State::Fine),
        ] {
            for (treated, expected) in [("breaching", breaching), ("notBreaching", not_breaching)] {
                let found = alarm(treated, datapoints, 3).evaluate(&points(range));
                assert_eq!(found, expected, "{datapoints} of 3: {range} {treated}");
            }
        }
    }
}
