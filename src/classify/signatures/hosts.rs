//! Hosts that are known to exist: when one of them cannot be found or reached, the fault is on the way to it.

/// Public registries, mirrors, code hosts and endpoints of services, as an expression.
macro_rules! public_hosts {
    () => {
        concat!(
            r"(?:[\w-]+\.)*(?:npmjs\.(?:org|com)|yarnpkg\.com|nodejs\.org|unpkg\.com|jsdelivr\.net|pypi\.org|pythonhosted\.org|",
            r"python\.org|anaconda\.(?:org|com)|docker\.(?:io|com)|gcr\.io|ghcr\.io|quay\.io|mcr\.microsoft\.com|public\.ecr\.aws|pkg\.dev|",
            r"maven\.org|repo\.maven\.apache\.org|apache\.org|gradle\.org|jcenter\.bintray\.com|bintray\.com|sonatype\.org|jitpack\.io|",
            r"crates\.io|rust-lang\.org|rustup\.rs|golang\.org|go\.dev|gopkg\.in|rubygems\.org|packagist\.org|getcomposer\.org|",
            r"nuget\.org|hex\.pm|pub\.dev|cocoapods\.org|debian\.org|ubuntu\.com|launchpad\.net|launchpadcontent\.net|alpinelinux\.org|",
            r"fedoraproject\.org|rockylinux\.org|almalinux\.org|llvm\.org|nodesource\.com|postgresql\.org|github\.com|",
            r"githubusercontent\.com|gitlab\.com|bitbucket\.org|sourceforge\.net|googleapis\.com|google\.com|gstatic\.com|",
            r"terraform\.io|hashicorp\.com|opentofu\.org|cloudfront\.net|cloudflare\.com|fastly\.net|k8s\.io|helm\.sh|dl\.k8s\.io|",
            r"playwright\.dev|playwright\.azureedge\.net|cypress\.io|chromium\.org|microsoft\.com|azureedge\.net|sentry\.io|sonarcloud\.io|",
            r"snyk\.io|codecov\.io|pytorch\.org|huggingface\.co|openssl\.org|gnu\.org|kernel\.org|sigstore\.dev|",
            r"(?:ecr|s3|sts|ssm|logs|kms|codeartifact|cloudformation|secretsmanager|dynamodb|lambda|sqs|sns|eks|ecs|ec2|iam)",
            r"(?:[.-][\w-]+)*\.amazonaws\.com)"
        )
    };
}

/// The machine's own addresses, those of private networks and of one's own services in AWS, as an expression.
macro_rules! own_hosts {
    () => {
        concat!(
            r"(?:\blocalhost\b|\b127\.\d+\.\d+\.\d+|\[?::1\]?[:\s]|\b0\.0\.0\.0\b|\bhost\.docker\.internal\b",
            r"|\b10\.\d+\.\d+\.\d+|\b192\.168\.\d+\.\d+|\b172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+",
            r"|\.(?:execute-api|lambda-url|elb)\.|\.elasticbeanstalk\.com\b|\.awsapprunner\.com\b|\.svc(?:\.cluster\.local)?(?:[^\w.]|$)|\.sock\b|\bunix:)"
        )
    };
}

/// Endpoints of AWS in regions that there are: a name with a region that there is not is a slip in a setting.
macro_rules! aws_region {
    () => {
        concat!(
            r"[.-](?:us-(?:east|west)-[12]|us-gov-(?:east|west)-1|ca-(?:central|west)-1|mx-central-1|sa-east-1|eu-west-[123]|",
            r"eu-central-[12]|eu-north-1|eu-south-[12]|ap-south-[12]|ap-southeast-[1-57]|ap-northeast-[123]|ap-east-[12]|",
            r"af-south-1|il-central-1|me-south-1|me-central-1)\.(?:amazonaws\.com|api\.aws)"
        )
    };
}

pub(super) use {aws_region, own_hosts, public_hosts};
