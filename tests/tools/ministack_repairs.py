"""Mends MiniStack in memory: where it keeps a stack from working that works on AWS, and where it leaves things behind.
Nothing here makes it more lenient."""

import atexit
import functools
import json
import shutil


def apply():
    take_numbers_from_parameters()
    hold_schedules_to_their_own_group()
    make_policies_of_event_buses()
    deliver_to_event_buses_of_other_accounts()
    atexit.register(leave_nothing)


def leave_nothing():
    """It would leave the functions' processes running, and their unpacked code in the temporary folder."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    lambda_runtime.reset()
    shutil.rmtree(lambda_svc._PROVIDED_CODE_CACHE, ignore_errors=True)


def take_numbers_from_parameters():
    """A template's parameter is text; CloudFormation makes a number of it where the property is one. MiniStack keeps the
    text, and then its poller cannot compare it and delivers nothing."""
    from ministack.services import lambda_svc

    limit = lambda_svc._sqs_esm_concurrency

    def repaired(mapping, *arguments):
        scaling = mapping.get("ScalingConfig")
        if scaling:
            scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        return limit(mapping, *arguments)

    lambda_svc._sqs_esm_concurrency = repaired


def hold_schedules_to_their_own_group():
    """A schedule's ARN has its group, which policies name; with `AUTH=true` MiniStack holds every schedule to `default`."""
    from ministack.core import iam_actions

    extract = iam_actions.extract_resource_arn

    @functools.wraps(extract)
    def repaired(service, method, path, headers, body, query_params, *place):
        arn = extract(service, method, path, headers, body, query_params, *place)
        if service != "scheduler" or ":schedule/default/" not in arn:
            return arn
        given = query_params.get("groupName")
        group = (given[0] if isinstance(given, list) else given) or json.loads(body or "{}").get("GroupName", "default")
        return arn.replace(":schedule/default/", f":schedule/{group}/")

    iam_actions.extract_resource_arn = repaired


def make_policies_of_event_buses():
    """CloudFormation makes them; MiniStack knows no such resource and rolls the stack back."""
    from ministack.services import eventbridge
    from ministack.services.cloudformation import provisioners

    def place(bus, number, statement=None):
        policy = eventbridge._event_bus_policies.get(bus) or {"Version": "2012-10-17", "Statement": []}
        others = [one for one in policy["Statement"] if one["Sid"] != number]
        eventbridge._event_bus_policies[bus] = {**policy, "Statement": others + ([statement] if statement else [])}

    def create(logical_id, properties, stack_name):
        bus, number = properties.get("EventBusName", "default"), properties["StatementId"]
        place(bus, number, {**properties["Statement"], "Sid": number})
        return f"{bus}|{number}", {}

    def update(physical_id, old, new, stack_name):
        delete(physical_id, old)
        return create(None, new, stack_name)

    def delete(physical_id, properties):
        place(*physical_id.split("|", 1))

    handlers = {"create": create, "update": update, "delete": delete}
    provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = handlers


def deliver_to_event_buses_of_other_accounts():
    """A rule may send to an event bus of another account or Region, as far as its role and that bus's policy permit; the
    event keeps the account and Region that it is of. MiniStack looks for the bus in the rule's own alone."""
    from ministack.core import iam_evaluator, responses
    from ministack.services import eventbridge

    within = eventbridge._dispatch_to_event_bus

    def role_of(rule, bus):
        key = eventbridge._rule_key(rule["Name"], rule.get("EventBusName", "default"))
        roles = [target.get("RoleArn") for target in eventbridge._targets.get(key, []) if target["Arn"] == bus]
        return roles[0] if roles else None

    def permits(role, bus, policy, account, region):
        name = role.rsplit("/", 1)[-1]
        context = iam_evaluator.EvalContext(
            principal_arn=role,
            principal_type="AssumedRole",
            principal_account=account,
            action="events:PutEvents",
            resource_arn=bus,
            region=region,
        )
        own = iam_evaluator.evaluate(context, iam_evaluator._gather_role_policies(name, account))
        theirs = iam_evaluator.evaluate_resource_policy(policy, context)
        return own.decision == "Allow" and theirs.decision == "Allow"

    def repaired(spec, event, rule, event_path, payload=None):
        account, region = responses.get_account_id(), responses.get_region()
        if (spec.account_id, spec.region) == (account, region):
            return within(spec, event, rule, event_path, payload)
        bus, name = str(spec), spec.resource.split("/", 1)[1]
        role = role_of(rule, bus)
        forwarded = {"Account": account, "Region": region, **event, "EventBusName": name, "_DispatchPath": []}
        if payload is not None:
            forwarded["Detail"] = payload
        try:
            responses.set_request_account_id(spec.account_id)
            responses.set_request_region(spec.region)
            policy = eventbridge._event_bus_policies.get(name)
            if role and name in eventbridge._event_buses and permits(role, bus, policy, account, region):
                eventbridge._dispatch_event(forwarded)
        finally:
            responses.set_request_account_id(account)
            responses.set_request_region(region)

    eventbridge._dispatch_to_event_bus = repaired
