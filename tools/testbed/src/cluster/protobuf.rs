//! The three kinds of object that `kubectl create namespace`, `create secret` and `create configmap` send as protobuf:
//! read into the JSON that everything else here is made of. The numbers of the fields are those of `generated.proto`
//! in `k8s.io/api/core/v1` and `k8s.io/apimachinery`.

use base64::Engine as _;
use serde_json::{Value, json};

/// The media type of such a body.
pub(super) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// Reads a body; `None` if it is not one of the three kinds or not whole.
pub(super) fn read(body: &[u8]) -> Option<Value> {
    let unknown = body.strip_prefix(b"k8s\0")?;
    let type_meta = first(unknown, 1)?;
    let (api_version, kind) = (text(type_meta, 1)?, text(type_meta, 2)?);
    let raw = first(unknown, 2)?;
    let mut object =
        json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata(first(raw, 1)?)? });
    match kind.as_str() {
        "Namespace" => {}
        "ConfigMap" => {
            object["data"] = map(raw, 2, plain)?;
            object["binaryData"] = map(raw, 3, wrapped)?;
        }
        "Secret" => {
            object["data"] = map(raw, 2, wrapped)?;
            object["type"] =
                json!(text(raw, 3).filter(|it| !it.is_empty()).unwrap_or_else(|| "Opaque".to_owned()));
        }
        _ => return None,
    }
    Some(object)
}

fn metadata(meta: &[u8]) -> Option<Value> {
    Some(
        json!({ "name": text(meta, 1)?, "labels": map(meta, 11, plain)?, "annotations": map(meta, 12, plain)? }),
    )
}

/// The fields of a message that have a length, in order.
fn fields(mut message: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        match tag & 7 {
            0 => drop(varint(&mut message)?),
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                let (value, rest) = message.split_at_checked(length)?;
                fields.push((tag >> 3, value));
                message = rest;
            }
            _ => return None,
        }
    }
    Some(fields)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn first(message: &[u8], number: u64) -> Option<&[u8]> {
    fields(message)?.into_iter().find(|(it, _)| *it == number).map(|(_, value)| value)
}

fn text(message: &[u8], number: u64) -> Option<String> {
    String::from_utf8(first(message, number)?.to_vec()).ok()
}

fn map(message: &[u8], number: u64, value_of: fn(&[u8]) -> Value) -> Option<Value> {
    let mut map = serde_json::Map::new();
    for (_, entry) in fields(message)?.into_iter().filter(|(it, _)| *it == number) {
        map.insert(text(entry, 1)?, value_of(first(entry, 2).unwrap_or_default()));
    }
    Some(if map.is_empty() { Value::Null } else { Value::Object(map) })
}

fn plain(bytes: &[u8]) -> Value {
    json!(String::from_utf8_lossy(bytes))
}

fn wrapped(bytes: &[u8]) -> Value {
    json!(base64::engine::general_purpose::STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_and_a_torn_one_is_not() {
        let entry = b"\x0a\x01k\x12\x02hi";
        let mut secret = b"\x0a\x03\x0a\x01s\x12".to_vec();
        secret.push(u8::try_from(entry.len()).expect("short"));
        secret.extend(entry);
        let mut body = b"k8s\0\x0a\x0c\x0a\x02v1\x12\x06Secret\x12".to_vec();
        body.push(u8::try_from(secret.len()).expect("short"));
        body.extend(&secret);
        let read_back = read(&body).expect("a Secret");
        assert_eq!(read_back["metadata"]["name"], "s");
        assert_eq!(read_back["data"], json!({ "k": "aGk=" }));
        assert_eq!(read(&body[..body.len() - 3]), None);
    }
}
