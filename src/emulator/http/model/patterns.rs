//! The patterns of the service model, each as its text, for messages, and as the few lines that hold a value against it.

/// A pattern that a whole text must match.
#[derive(Debug)]
pub struct Pattern {
    /// As the service model writes it.
    pub text: &'static str,
    holds: fn(&str) -> bool,
}

impl Pattern {
    /// Whether the text matches.
    pub fn holds(&self, text: &str) -> bool {
        (self.holds)(text)
    }
}

pub static NAME: Pattern = Pattern { text: r"[A-Za-z0-9.@\-_]+", holds: |text| only(text, ".@-_") };
pub static BUCKET: Pattern = Pattern { text: r"[a-zA-Z0-9\-\.]+", holds: |text| only(text, "-.") };
pub static WORD: Pattern = Pattern { text: "[0-9A-Za-z_-]+", holds: |text| only(text, "_-") };
pub static ARTIFACT: Pattern = Pattern { text: r"[a-zA-Z0-9_\-]+", holds: |text| only(text, "_-") };
pub static VARIABLE: Pattern = Pattern { text: r"[A-Za-z0-9@\-_]+", holds: |text| only(text, "@-_") };
pub static ENVIRONMENT: Pattern = Pattern { text: "[A-Za-z0-9_]+", holds: |text| only(text, "_") };
pub static TOKEN: Pattern = Pattern { text: "^[a-zA-Z0-9-]+$", holds: |text| only(text, "-") };
pub static REASON: Pattern =
    Pattern { text: r"[a-zA-Z0-9!@ \(\)\.\*\?\-]+", holds: |text| only(text, "!@ ().*?-") };
pub static LINE: Pattern = Pattern { text: ".*", holds: |text| !text.contains(['\n', '\r']) };
pub static UUID: Pattern =
    Pattern { text: "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", holds: is_uuid };
pub static ROLE_ARN: Pattern = Pattern {
    text: r"arn:aws(-[\w]+)*:iam::[0-9]{12}:role/.*",
    holds: |text| {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        matches!(parts.as_slice(), ["arn", partition, "iam", "", account, resource]
            if is_partition(partition) && is_account(account) && resource.starts_with("role/"))
    },
};
pub static RESOURCE_ARN: Pattern = Pattern {
    text: r"arn:aws(-[\w]+)*:codepipeline:.+:[0-9]{12}:.+",
    holds: |text| {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        matches!(parts.as_slice(), ["arn", partition, "codepipeline", region, account, resource]
            if is_partition(partition) && !region.is_empty() && is_account(account) && !resource.is_empty())
    },
};
pub static LOG_GROUP: Pattern = Pattern { text: r"[\.\-_/#A-Za-z0-9]+", holds: |text| only(text, ".-_/#") };
pub static LOG_GROUP_IDENTIFIER: Pattern =
    Pattern { text: r"[\w#+=/:,.@-]*", holds: |text| text.is_empty() || only(text, "_#+=/:,.@-") };
pub static LOG_STREAM: Pattern = Pattern { text: "[^:*]*", holds: |text| !text.contains([':', '*']) };
pub static CHANGE_SET: Pattern = Pattern {
    text: "[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/]*",
    holds: |text| is_cloudformation_name(text) || is_arn(text, &["arn:"], "-:/"),
};
pub static STACK: Pattern = Pattern {
    text: r"([a-zA-Z][-a-zA-Z0-9]*)|(arn:\b(aws|aws-us-gov|aws-cn)\b:[-a-zA-Z0-9:/._+]*)",
    holds: |text| {
        is_cloudformation_name(text)
            || is_arn(text, &["arn:aws:", "arn:aws-us-gov:", "arn:aws-cn:"], "-:/._+")
    },
};

/// A letter, and then letters, digits and hyphens.
fn is_cloudformation_name(text: &str) -> bool {
    only(text, "-") && text.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// One of the beginnings, and then letters, digits and `others`.
fn is_arn(text: &str, beginnings: &[&str], others: &str) -> bool {
    let mut rests = beginnings.iter().filter_map(|beginning| text.strip_prefix(beginning));
    rests.any(|rest| rest.is_empty() || only(rest, others))
}

/// At least one character, each a letter, a digit or one of `others`.
fn only(text: &str, others: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

fn is_uuid(text: &str) -> bool {
    let mut groups = text.split('-');
    let is_group = |group: &str, length| {
        group.len() == length && group.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    [8, 4, 4, 4, 12].into_iter().all(|length| groups.next().is_some_and(|group| is_group(group, length)))
        && groups.next().is_none()
}

fn is_partition(text: &str) -> bool {
    text.strip_prefix("aws").is_some_and(|rest| rest.is_empty() || rest.starts_with('-') && only(rest, "_-"))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pattern_takes_what_it_says_and_nothing_else() {
        let uuid = "3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41";
        let role = "arn:aws-cn:iam::111122223333:role/service/web";
        let resource = "arn:aws:codepipeline:eu-central-1:111122223333:web/Test";
        for (pattern, good, bad) in [
            (&NAME, "a.B@9-_", "a b"),
            (&BUCKET, "my-bucket.1", "my_bucket"),
            (&WORD, "CodeBuild_1-x", "Code.Build"),
            (&ARTIFACT, "out_1-x", "out.1"),
            (&VARIABLE, "a@b-_", "a.b"),
            (&ENVIRONMENT, "PATH_1", "PATH-1"),
            (&TOKEN, "a-1", "a_1"),
            (&REASON, "Closed (for now)!", "closed, for now"),
            (&LINE, "anything: ü", "two\nlines"),
            (&UUID, uuid, "3F1C6A52-90d4-4f0b-8a37-5b0e6d1c2f41"),
            (&ROLE_ARN, role, "arn:aws:iam::1111:role/x"),
            (&RESOURCE_ARN, resource, "arn:aws:codebuild:eu-central-1:111122223333:web"),
            (&LOG_GROUP, "/aws/codebuild/web_1#x.y-z", "a:b"),
            (&LOG_GROUP_IDENTIFIER, "arn:aws:logs:eu-central-1:111122223333:log-group:/a", "a b"),
            (&LOG_STREAM, "57c50aea/a388 b1", "a*"),
            (&LOG_STREAM, "two\nlines", "a:b"),
            (&CHANGE_SET, "Release-1", "1st"),
            (&CHANGE_SET, "arn:aws:cloudformation:eu-central-1:111122223333:changeSet/a/b", "arn:a_b"),
            (&STACK, "web-1", "web_1"),
            (&STACK, "arn:aws-cn:cloudformation:cn-north-1:111122223333:stack/a/b", "arn:aws-iso:a"),
        ] {
            assert!(pattern.holds(good), "{}: {good}", pattern.text);
            assert!(!pattern.holds(bad), "{}: {bad}", pattern.text);
            let takes_nothing =
                [LINE.text, LOG_GROUP_IDENTIFIER.text, LOG_STREAM.text].contains(&pattern.text);
            assert_eq!(pattern.holds(""), takes_nothing, "{}", pattern.text);
        }
    }
}
