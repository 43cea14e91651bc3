//! What the template of a spoke lets the hub do, and what the hub's template adds for spokes: nothing where there are none.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::template::{HOME, Place, policies_of, resources, translated, translated_from};

pub const SPOKE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/infra/spoke.yaml");

/// The parameters that a spoke needs.
pub const OF_A_HUB: [(&str, &str); 2] = [
    ("HubBusArn", "arn:aws:events:eu-central-1:111122223333:event-bus/codepipeline-retrier"),
    ("HubRoleArn", "arn:aws:iam::111122223333:role/hub"),
];

const THERE: Place<'static> = Place { partition: "aws", account: "444455556666", region: "eu-west-1" };

fn spoke(place: Place<'_>, parameters: &[(&str, &str)]) -> BTreeMap<String, Value> {
    resources(&translated_from(SPOKE), place, &[&OF_A_HUB, parameters].concat())
}

/// A role's policy of that name.
fn policy(resources: &BTreeMap<String, Value>, name: &str) -> Option<Value> {
    policies_of(resources).into_iter().find(|(known, _)| known == name).map(|(_, policy)| policy)
}

#[test]
fn in_a_spoke_the_hub_may_do_what_it_may_do_at_home() {
    let (hub, spoke_template) = (translated(), translated_from(SPOKE));
    for depth in ["state", "details", "logs"] {
        let chosen = [("Evidence", depth), ("RetryStages", "web-*/Test,shop/*")];
        let at_home = resources(&hub, THERE, &chosen);
        let there = resources(&spoke_template, THERE, &[&OF_A_HUB[..], &chosen].concat());
        for name in ["pipelines", "evidence"] {
            let own = policy(&at_home, &format!("FunctionRole/{name}"));
            assert_eq!(policy(&there, &format!("SpokeRole/{name}")), own, "{name} at depth {depth}");
        }
        assert_eq!(policies_of(&there).len(), if depth == "state" { 2 } else { 3 });
    }
}

#[test]
fn a_stage_may_be_rolled_back_where_that_is_allowed() {
    let statements = |allowed: &str| {
        let there = spoke(THERE, &[("AllowRollback", allowed), ("RetryStages", "shop/Test")]);
        policy(&there, "SpokeRole/pipelines").unwrap()["Statement"].as_array().unwrap().clone()
    };
    let (without, with) = (statements("false"), statements("true"));
    assert!(with.starts_with(&without) && with.len() == without.len() + 1);
    let rollback = with.last().unwrap();
    assert_eq!(rollback["Action"], "codepipeline:RollbackStage");
    for stage in rollback["Resource"].as_array().unwrap() {
        assert_eq!(stage, "arn:aws:codepipeline:eu-west-1:444455556666:shop/Test");
    }
    assert!(!json!(without).to_string().contains("Rollback"));
}

#[test]
fn the_function_of_the_hub_alone_may_take_the_role_on() {
    let trust = |parameters: &[(&str, &str)]| {
        let role = &spoke(THERE, parameters)["SpokeRole"]["Properties"];
        assert_eq!(role["RoleName"], "codepipeline-retrier-spoke");
        role["AssumeRolePolicyDocument"]["Statement"].clone()
    };
    let expected = |condition: Option<Value>| {
        let mut statement = json!({
            "Sid": "LetTheHubIn", "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": { "AWS": "arn:aws:iam::111122223333:role/hub" },
        });
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        json!([statement])
    };
    assert_eq!(trust(&[]), expected(None));
    let asks = json!({ "StringEquals": { "sts:ExternalId": "open-sesame" } });
    assert_eq!(trust(&[("ExternalId", "open-sesame")]), expected(Some(asks)));
}

#[test]
fn the_rule_sends_what_the_hub_listens_to_at_home() {
    let there = spoke(THERE, &[]);
    let rule = &there["StageEvents"]["Properties"];
    let at_home = resources(&translated(), THERE, &[]);
    assert_eq!(rule["EventPattern"], at_home["StageEvents"]["Properties"]["EventPattern"]);
    let target = &rule["Targets"][0];
    let forwarding = "arn:aws:iam::444455556666:role/ForwardingRole";
    assert_eq!((&target["Arn"], &target["RoleArn"]), (&json!(OF_A_HUB[0].1), &json!(forwarding)));
    let role = &there["ForwardingRole"]["Properties"];
    let trust = &role["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Principal"], json!({ "Service": "events.amazonaws.com" }));
    let of_the_rule = json!({ "StringEquals": {
        "aws:SourceAccount": "444455556666",
        "aws:SourceArn": "arn:aws:events:eu-west-1:444455556666:rule/codepipeline-retrier-spoke",
    }});
    assert_eq!(trust["Condition"], of_the_rule);
    assert_eq!(rule["Name"], "codepipeline-retrier-spoke");
    let may = policy(&there, "ForwardingRole/forward").unwrap()["Statement"].clone();
    assert_eq!(may[0]["Action"], "events:PutEvents");
    assert_eq!((&may[0]["Resource"], may.as_array().unwrap().len()), (&json!(OF_A_HUB[0].1), 1));
}

#[test]
fn of_several_regions_one_makes_the_role_for_all() {
    let several = [("RoleRegion", "us-east-1")];
    let elsewhere = spoke(THERE, &several);
    assert!(!elsewhere.contains_key("SpokeRole") && elsewhere.contains_key("ForwardingRole"));
    let there = spoke(Place { region: "us-east-1", ..THERE }, &several);
    let read = policy(&there, "SpokeRole/pipelines").unwrap()["Statement"][0]["Resource"].clone();
    assert_eq!(read, "arn:aws:codepipeline:*:444455556666:*");
    let read = policy(&spoke(THERE, &[]), "SpokeRole/pipelines").unwrap()["Statement"][0]["Resource"].clone();
    assert_eq!(read, "arn:aws:codepipeline:eu-west-1:444455556666:*");
}

const SPOKES: (&str, &str) = ("SpokeAccounts", "444455556666,777788889999");

#[test]
fn without_spokes_the_hub_has_nothing_for_them() {
    let all = resources(&translated(), HOME, &[]);
    for name in ["SpokeBus", "SpokeBusPolicy", "SpokeEvents"] {
        assert!(!all.contains_key(name), "{name}");
    }
    assert_eq!(policy(&all, "FunctionRole/spokes"), None);
    assert!(!json!(all).to_string().contains("SpokeBus"));
    // Whatever else is said of spokes.
    let template = translated();
    let others =
        [("SpokeRegions", "eu-west-1"), ("OrganizationId", "o-a1b2c3d4e5"), ("SpokeExternalId", "x-y")];
    let names = |all: &BTreeMap<String, Value>| all.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&resources(&template, HOME, &others)), names(&all));
}

#[test]
fn the_hub_listens_to_the_accounts_and_regions_listed() {
    let template = translated();
    let all = resources(&template, HOME, &[SPOKES]);
    assert_eq!(all["SpokeBus"]["Properties"]["Name"], "retrier");
    let statement = &all["SpokeBusPolicy"]["Properties"]["Statement"];
    let expected = json!({
        "Sid": "TakeEventsOfSpokes", "Effect": "Allow", "Action": "events:PutEvents",
        "Principal": { "AWS": ["444455556666", "777788889999"] },
        "Resource": "arn:aws:events:eu-central-1:111122223333:event-bus/SpokeBus",
    });
    assert_eq!(*statement, expected);
    let rule = &all["SpokeEvents"]["Properties"];
    assert_eq!(rule["EventBusName"], "SpokeBus");
    let pattern = &rule["EventPattern"];
    assert_eq!(pattern["account"], json!(["444455556666", "777788889999"]));
    assert_eq!(pattern["region"], json!(["eu-central-1"]), "that of the hub, where none is named");
    assert_eq!(pattern["detail"], all["StageEvents"]["Properties"]["EventPattern"]["detail"]);
    assert_eq!(rule["Targets"], all["StageEvents"]["Properties"]["Targets"]);

    let regions = resources(&template, HOME, &[SPOKES, ("SpokeRegions", "eu-west-1,us-east-1")]);
    let pattern = &regions["SpokeEvents"]["Properties"]["EventPattern"];
    assert_eq!(pattern["region"], json!(["eu-west-1", "us-east-1"]));

    let of_organization = resources(&template, HOME, &[SPOKES, ("OrganizationId", "o-a1b2c3d4e5")]);
    let statement = &of_organization["SpokeBusPolicy"]["Properties"]["Statement"];
    assert_eq!(statement["Condition"], json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } }));
}

#[test]
fn the_hub_takes_on_the_one_role_in_the_accounts_listed() {
    let template = translated();
    let may = |parameters: &[(&str, &str)]| {
        policy(&resources(&template, HOME, parameters), "FunctionRole/spokes").unwrap()["Statement"].clone()
    };
    let expected = |role: &str, condition: Value| {
        json!([{
            "Sid": "EnterTheSpokes", "Effect": "Allow", "Action": "sts:AssumeRole",
            "Resource": format!("arn:aws:iam::*:role/{role}"), "Condition": { "StringEquals": condition },
        }])
    };
    let accounts = json!(["444455556666", "777788889999"]);
    let listed = json!({ "aws:ResourceAccount": accounts });
    assert_eq!(may(&[SPOKES]), expected("codepipeline-retrier-spoke", listed.clone()));
    assert_eq!(may(&[SPOKES, ("SpokeRoleName", "ours")]), expected("ours", listed));
    let of_organization = json!({ "aws:ResourceAccount": accounts, "aws:ResourceOrgID": "o-a1b2c3d4e5" });
    let organization = [SPOKES, ("OrganizationId", "o-a1b2c3d4e5")];
    assert_eq!(may(&organization), expected("codepipeline-retrier-spoke", of_organization));
}

#[test]
fn what_is_no_list_is_not_taken() {
    let (hub, spoke) = (translated(), translated_from(SPOKE));
    let takes = |template: &Value, parameter: &str, text: &str| {
        let pattern = &template["Parameters"][parameter]["AllowedPattern"];
        jsonschema::is_valid(&json!({ "type": "string", "pattern": pattern }), &json!(text))
    };
    for (template, parameter, good, bad) in [
        (
            &hub,
            "SpokeAccounts",
            &["", "444455556666", "444455556666,777788889999"][..],
            &["4444", "444455556666,", "444455556666, 777788889999"][..],
        ),
        (
            &hub,
            "SpokeRegions",
            &["", "eu-west-1", "us-gov-west-1,eu-west-1"],
            &["eu", "eu-west-1,", "EU-WEST-1"],
        ),
        (&hub, "OrganizationId", &["", "o-a1b2c3d4e5"], &["a1b2c3d4e5", "o-A", "r-a1b2c3d4e5"]),
        (
            &spoke,
            "HubBusArn",
            &[OF_A_HUB[0].1],
            &["", "codepipeline-retrier", "arn:aws:sqs:eu-central-1:111122223333:q"],
        ),
        (
            &spoke,
            "HubRoleArn",
            &[OF_A_HUB[1].1],
            &["", "*", "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/x"],
        ),
        (&spoke, "RoleRegion", &["", "eu-west-1"], &["eu-west-1,us-east-1", "x"]),
    ] {
        for text in good {
            assert!(takes(template, parameter, text), "{parameter}: {text}");
        }
        for text in bad {
            assert!(!takes(template, parameter, text), "{parameter}: {text}");
        }
    }
    for parameter in ["RetryStages", "Evidence"] {
        assert_eq!(hub["Parameters"][parameter]["Default"], spoke["Parameters"][parameter]["Default"]);
    }
    assert_eq!(hub["Parameters"]["SpokeRoleName"]["Default"], spoke["Parameters"]["RoleName"]["Default"]);
}
