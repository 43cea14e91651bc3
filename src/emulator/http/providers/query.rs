//! CloudFormation's query protocol: requests are forms, answers and errors are XML.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::super::error::{ApiError, Reply};

/// What its operations are called behind, as if they had targets.
pub const SERVICE: &str = "CloudFormation_20100515.";
const NAMESPACE: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";

/// Reads a form: the action as a target, and its members as texts. Of a member that comes twice the last one counts.
pub fn read(body: &[u8]) -> (String, Map<String, Value>) {
    let mut members = Map::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let split = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(split);
        members.insert(plain(name), Value::from(plain(value.get(1..).unwrap_or_default())));
    }
    let action = members.remove("Action");
    let action = action.as_ref().and_then(Value::as_str).unwrap_or_default();
    (format!("{SERVICE}{action}"), members)
}

/// A text without the escapes of a form. What is no escape stands for itself.
fn plain(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, others)) = rest.split_first() {
        let digits =
            others.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = others.get(2..).unwrap_or_default();
        } else {
            bytes.push(if *first == b'+' { b' ' } else { *first });
            rest = others;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The body of a reply to an action; `None` where nothing is to be said.
pub fn write(reply: &Reply, target: &str, request_id: &str) -> Option<String> {
    let mut xml = String::new();
    match reply {
        Reply::Document(document) => {
            let action = target.strip_prefix(SERVICE).unwrap_or(target);
            _ = write!(xml, "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>");
            put(&mut xml, document);
            _ = write!(
                xml,
                "</{action}Result><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
            );
            _ = write!(xml, "</{action}Response>");
        }
        Reply::Refused(error) => {
            _ = write!(xml, "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type>");
            _ = write!(xml, "<Code>{}</Code><Message>", code(error));
            escape(&mut xml, &error.message);
            _ = write!(xml, "</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>");
        }
        Reply::Lost => return None,
    }
    Some(xml)
}

/// The protocol's own spelling of what every service knows.
fn code(error: &ApiError) -> &'static str {
    match error.name {
        "ThrottlingException" => "Throttling",
        "AccessDeniedException" => "AccessDenied",
        "UnknownOperationException" => "InvalidAction",
        "ValidationException" | "SerializationException" | "InvalidNextTokenException" => "ValidationError",
        name => name,
    }
}

fn put(xml: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => _ = write!(xml, "{flag}"),
        Value::Number(number) => _ = write!(xml, "{number}"),
        Value::String(text) => escape(xml, text),
        Value::Array(values) => {
            for value in values {
                xml.push_str("<member>");
                put(xml, value);
                xml.push_str("</member>");
            }
        }
        Value::Object(members) => {
            for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                _ = write!(xml, "<{name}>");
                put(xml, value);
                _ = write!(xml, "</{name}>");
            }
        }
    }
}

/// Text as XML has it. What XML cannot say at all becomes a replacement character.
fn escape(xml: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\r' => xml.push_str("&#13;"),
            '\t' | '\n' => xml.push(character),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            _ => xml.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn forms_are_read() {
        let (target, members) = read(b"Action=DescribeStackEvents&StackName=a%2Fb+c%+5%&Version=&&Odd");
        assert_eq!(target, "CloudFormation_20100515.DescribeStackEvents");
        assert_eq!(Value::Object(members), json!({ "StackName": "a/b c% 5%", "Version": "", "Odd": "" }));
        assert_eq!(read(b"").0, SERVICE);
    }

    #[test]
    fn answers_are_written() {
        let document = json!({ "List": [{ "A": "<&\">\u{7}" }], "None": null, "Number": 1, "Flag": true });
        let xml = write(&Reply::Document(document), "CloudFormation_20100515.Do", "id").unwrap();
        insta::assert_snapshot!(xml, @r#"<DoResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DoResult><Flag>true</Flag><List><member><A>&lt;&amp;&quot;&gt;�</A></member></List><Number>1</Number></DoResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DoResponse>"#);
        let refused = Reply::Refused(ApiError::validation("no < such"));
        insta::assert_snapshot!(write(&refused, "", "id").unwrap(), @r#"<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type><Code>ValidationError</Code><Message>no &lt; such</Message></Error><RequestId>id</RequestId></ErrorResponse>"#);
        assert_eq!(write(&Reply::Lost, "", "id"), None);
    }
}
