"""Mends MiniStack in memory: where it keeps a stack from working that works on AWS, and where it leaves things behind.
Nothing here makes it more lenient."""

import atexit
import functools
import json
import shutil


def apply():
    take_numbers_from_parameters()
    hold_schedules_to_their_own_group()
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
