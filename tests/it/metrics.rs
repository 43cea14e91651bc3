//! Metrics as CloudWatch gets them: what the function publishes, the alarms and the dashboard that the stack makes of it,
//! and the log with the questions that are asked of it.

mod alarm;
mod alarms;
mod cloudwatch;
mod dashboard;
mod day;
#[expect(clippy::cast_precision_loss, reason = "places on a picture")]
mod drawing;
mod emitted;
mod insights;
mod lines;
mod page;
mod queries;
mod scene;
