//! What an unquoted scalar means: the core schema of YAML 1.2, without the
//! spellings that other YAML readers take for something else.

use super::node::NodeValue;

/// Why a scalar has no meaning that every reader agrees on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ambiguous {
    pub(super) message: String,
    pub(super) suggestion: String,
}

/// Resolves the text of a plain scalar (YAML 1.2.2, §10.3.2). `yes`, `no`,
/// `on` and `off` are strings there.
pub(super) fn resolve(text: &str) -> Result<NodeValue, Ambiguous> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(NodeValue::Null),
        "true" | "True" | "TRUE" => return Ok(NodeValue::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(NodeValue::Bool(false)),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(NodeValue::String(text.to_owned()));
    }
    if matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Err(Ambiguous {
            message: format!("`{text}` is not a number that anything can be compared with"),
            suggestion: "leave the key out where there is no limit".to_owned(),
        });
    }
    if let Some(number) = radix(text, "0x", 16).or_else(|| radix(text, "0o", 8)) {
        return Ok(NodeValue::Number(number.into(), text.to_owned()));
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return integer(text, digits);
    }
    Ok(float(text, digits).unwrap_or_else(|| NodeValue::String(text.to_owned())))
}

fn radix(text: &str, prefix: &str, radix: u32) -> Option<u64> {
    // `from_str_radix` takes a sign of its own, which the schema does not.
    let digits = text
        .strip_prefix(prefix)
        .filter(|digits| digits.chars().all(|c| c.is_digit(radix)))?;
    u64::from_str_radix(digits, radix).ok()
}

fn integer(text: &str, digits: &str) -> Result<NodeValue, Ambiguous> {
    if digits.len() > 1 && digits.starts_with('0') {
        let plain = digits.trim_start_matches('0');
        return Err(Ambiguous {
            message: format!(
                "`{text}` starts with a zero: some YAML readers take it for octal, some for decimal"
            ),
            suggestion: format!(
                "write `\"{text}\"` for text, or `{}` for the number",
                if plain.is_empty() { "0" } else { plain }
            ),
        });
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let number = unsigned
        .parse::<i64>()
        .map(serde_json::Number::from)
        .or_else(|_| unsigned.parse::<u64>().map(serde_json::Number::from));
    number
        .map(|number| NodeValue::Number(number, text.to_owned()))
        .map_err(|_| Ambiguous {
            message: format!("`{text}` is beyond 64 bits and would lose digits as a number"),
            suggestion: format!("write `\"{text}\"` for text"),
        })
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn float(text: &str, digits: &str) -> Option<NodeValue> {
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    if !(all_digits(whole) && all_digits(fraction) && exponent_fits)
        || (whole.is_empty() && fraction.is_empty())
    {
        return None;
    }
    // Beyond the range of a double it is infinite, which no JSON number is.
    let number = serde_json::Number::from_f64(text.parse().ok()?)?;
    Some(NodeValue::Number(number, text.to_owned()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0", "0")]
    #[case("42", "42")]
    #[case("-7", "-7")]
    #[case("+7", "7")]
    #[case("18446744073709551615", "18446744073709551615")]
    #[case("0x1F", "31")]
    #[case("0o17", "15")]
    #[case("1.5", "1.5")]
    #[case(".5", "0.5")]
    #[case("1e3", "1000.0")]
    #[case("1.", "1.0")]
    fn numbers(#[case] text: &str, #[case] number: &str) {
        match resolve(text) {
            Ok(NodeValue::Number(value, kept)) => {
                assert_eq!(value.to_string(), number);
                assert_eq!(kept, text);
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[rstest]
    fn strings(
        #[values(
            "yes",
            "no",
            "on",
            "off",
            "y",
            "5s",
            "1.2.3",
            "192.168.0.1",
            "1e",
            "e3",
            ".",
            "-",
            "+",
            "1_000",
            "1:30",
            "0x",
            "0x+1",
            "2026-01-01",
            "infinity",
            "NaN",
            "1e999"
        )]
        text: &str,
    ) {
        assert_eq!(resolve(text), Ok(NodeValue::String(text.to_owned())));
    }

    #[rstest]
    fn refused(
        #[values("0644", "-007", "00", ".inf", "-.inf", ".nan", "18446744073709551616")] text: &str,
    ) {
        assert!(resolve(text).is_err());
    }

    #[rstest]
    fn nothing(#[values("", "~", "null")] text: &str) {
        assert_eq!(resolve(text), Ok(NodeValue::Null));
    }
}
