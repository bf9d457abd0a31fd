//! What the codes of brokers mean to people.

use picloud_shared::mqtt::MqttVersion;

/// Bytes of a broker's own words that are told.
const WORDS_CHARACTERS_MAX: usize = 200;

/// Why a broker does not let PiCloud in.
pub(super) fn not_let_in(version: MqttVersion, code: u8, words: Option<&str>) -> String {
    let why = match (version, code) {
        (MqttVersion::V3, 1) | (MqttVersion::V5, 0x84) => {
            "the broker does not speak this version of MQTT; set the other one"
        }
        (MqttVersion::V3, 2) | (MqttVersion::V5, 0x85) => {
            "the broker does not take this client id; set another one"
        }
        (MqttVersion::V3, 4) | (MqttVersion::V5, 0x86) => {
            "the broker does not take this user name and password"
        }
        (MqttVersion::V3, 5) | (MqttVersion::V5, 0x87) => {
            "the broker does not let this user in: user name or password are wrong, or it may not connect"
        }
        (MqttVersion::V3, 3) | (MqttVersion::V5, 0x88 | 0x89) => "the broker is busy, or not ready",
        _ => "the broker does not let PiCloud in",
    };
    told(why, code, words)
}

/// Why a broker has ended the connection.
pub(super) fn sent_away(code: u8, words: Option<&str>) -> String {
    let why = match code {
        0x8E => "somebody else has come to the broker with the same client id",
        0x8B => "the broker stops",
        0x87 => "the broker does not allow what was asked of it",
        0x95 => "the broker takes no packets of that size",
        _ => "the broker has ended the connection",
    };
    told(why, code, words)
}

/// Whether a broker that ends the connection like that may do so for what it was sent.
pub(super) fn may_be_for_a_message(code: u8) -> bool {
    // Another client has come with the same id, or the broker stops.
    !matches!(code, 0x8E | 0x8B)
}

/// With the code, and what the broker said of it, on one line.
pub(super) fn told(why: &str, code: u8, words: Option<&str>) -> String {
    let words: String = words
        .unwrap_or_default()
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(WORDS_CHARACTERS_MAX)
        .collect();
    match words.trim() {
        "" => format!("{why} (code {code})"),
        words => format!("{why} (code {code}: {words})"),
    }
}
