//! A message as a custom notification of Amazon Q Developer in chat applications, for Slack and Microsoft Teams
//! (<https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>).

use serde_json::{Value, json};

use super::{links, mail};
use crate::domain::notice::{Notice, Occasion};

/// All messages about an execution are one thread.
pub(super) fn of(notice: &Notice, id: &str) -> Value {
    let run = &notice.run;
    let rows = mail::rows(notice).into_iter().map(|(name, value)| format!("*{name}*: {value}"));
    let description = [mail::sentence(notice)].into_iter().chain(rows).collect::<Vec<_>>().join("\n");
    let mut next_steps = Vec::new();
    if let Some(page) = links::execution(run) {
        next_steps.push(format!("<{page}|Look at the execution>"));
    }
    for (action, build) in &notice.builds {
        if let Some(page) = links::build(run, build) {
            next_steps.push(format!("<{page}|Look at the build of {action}>"));
        }
    }
    if notice.occasion == Occasion::GiveUp {
        next_steps.push(format!("See why: `{}`", links::history(run)));
    }
    json!({
        "version": "1.0",
        "source": "custom",
        "id": id,
        "content": {
            "textType": "client-markdown",
            "title": format!("{} {}: {} / {}", symbol(notice.occasion), mail::headline(notice.occasion), run.pipeline.name, run.stage),
            "description": description,
            "nextSteps": next_steps,
            "keywords": [run.pipeline.name.as_str(), run.stage.as_str(), notice.occasion.as_str()],
        },
        "metadata": {
            "threadId": format!("{}/{}", run.pipeline, run.execution),
            "summary": mail::sentence(notice),
            "eventType": notice.occasion.as_str(),
            "relatedResources": [run.pipeline.to_string()],
        },
    })
}

const fn symbol(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Retry => ":arrows_counterclockwise:",
        Occasion::Wait => ":hourglass_flowing_sand:",
        Occasion::GiveUp => ":x:",
        Occasion::Recovered => ":white_check_mark:",
        Occasion::FailedAgain => ":warning:",
    }
}
