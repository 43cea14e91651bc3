"""Mends MiniStack in memory where it keeps a stack from working that works on AWS. Nothing here makes it more lenient."""


def apply():
    take_numbers_from_parameters()


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
