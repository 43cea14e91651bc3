"""Prints a SAM template as CloudFormation gets it, as JSON: what the service's own translator makes of it, offline.

Usage: translate.py FILE
"""

import json
import os
import sys

# The translator asks for a Region, and reaches nothing.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

from samcli.yamlhelper import yaml_parse
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    def load(self):
        return {}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        template = yaml_parse(file.read())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # A deployment has put the code there by then.
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    try:
        json.dump(transform(template, {}, NoManagedPolicies()), sys.stdout, indent=2)
    except InvalidDocumentException as invalid:
        sys.exit("\n".join(cause.message for cause in invalid.causes))


if __name__ == "__main__":
    main()
