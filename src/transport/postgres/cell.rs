//! One value of a row, from PostgreSQL's binary format.

use std::error::Error;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::Value as Json;
use tokio_postgres::types::{FromSql, Kind, Type};

/// A value as JSON, and as what it is when JSON has no word for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Numbers that a float names exactly are numbers, others text; moments
    /// are RFC 3339, an interval is its seconds.
    pub json: Json,
    /// When it is a `timestamptz`.
    pub time: Option<Timestamp>,
    /// When it is an `interval` without months, whose length varies.
    pub span: Option<SignedDuration>,
}

impl From<Json> for Cell {
    fn from(json: Json) -> Self {
        Self {
            json,
            time: None,
            span: None,
        }
    }
}

type Failed = Box<dyn Error + Sync + Send>;

impl<'a> FromSql<'a> for Cell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Failed> {
        decode(ty, raw)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn decode(ty: &Type, raw: &[u8]) -> Result<Cell, Failed> {
    let text = || std::str::from_utf8(raw).map(|text| Cell::from(Json::from(text)));
    Ok(match *ty {
        Type::BOOL => Json::from(bool::from_sql(ty, raw)?).into(),
        Type::INT2 => Json::from(i16::from_sql(ty, raw)?).into(),
        Type::INT4 => Json::from(i32::from_sql(ty, raw)?).into(),
        Type::INT8 => whole(i64::from_sql(ty, raw)?).into(),
        Type::OID | Type::XID | Type::CID => Json::from(u32::from_be_bytes(raw.try_into()?)).into(),
        // By its shortest text: 0.1 is 0.1, not 0.10000000149011612.
        Type::FLOAT4 => float(f32::from_sql(ty, raw)?.to_string().parse()?).into(),
        Type::FLOAT8 => float(f64::from_sql(ty, raw)?).into(),
        Type::NUMERIC => number(&numeric(raw)?).into(),
        Type::TIMESTAMPTZ => match moment(raw)? {
            Ok(at) => {
                let at = at.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp();
                Cell {
                    json: Json::from(at.to_string()),
                    time: Some(at),
                    span: None,
                }
            }
            Err(endless) => Json::from(endless).into(),
        },
        // It has no zone, so which moment it is cannot be told.
        Type::TIMESTAMP => {
            Json::from(moment(raw)?.map_or_else(str::to_owned, |at| at.to_string())).into()
        }
        Type::DATE => {
            let days = i32::from_be_bytes(raw.try_into()?);
            Json::from(epoch().date().checked_add(days.days())?.to_string()).into()
        }
        Type::TIME => {
            let micros = i64::from_be_bytes(raw.try_into()?);
            Json::from(
                epoch()
                    .checked_add(SignedDuration::from_micros(micros))?
                    .time()
                    .to_string(),
            )
            .into()
        }
        Type::INTERVAL => interval(raw)?,
        Type::JSON => serde_json::from_slice::<Json>(raw)?.into(),
        // One byte of version precedes the text.
        Type::JSONB => serde_json::from_slice::<Json>(raw.get(1..).unwrap_or_default())?.into(),
        Type::UUID => uuid(raw.try_into()?).into(),
        Type::BYTEA => Json::from(
            raw.iter()
                .fold("\\x".to_owned(), |hex, byte| format!("{hex}{byte:02x}")),
        )
        .into(),
        Type::PG_LSN => {
            let lsn = u64::from_be_bytes(raw.try_into()?);
            Json::from(format!("{:X}/{:X}", lsn >> 32, lsn & 0xFFFF_FFFF)).into()
        }
        Type::INET | Type::CIDR => inet(raw)?.into(),
        Type::VOID => Json::Null.into(),
        _ => match ty.kind() {
            Kind::Array(element) => array(element, raw)?.into(),
            Kind::Domain(inner) => decode(inner, raw)?,
            Kind::Enum(_) => text()?,
            _ if matches!(
                *ty,
                Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::XML
            ) || ty.name() == "citext" =>
            {
                text()?
            }
            _ => {
                return Err(format!(
                    "values of type {} are not understood; cast it to text",
                    ty.name()
                )
                .into());
            }
        },
    })
}

fn epoch() -> DateTime {
    DateTime::constant(2000, 1, 1, 0, 0, 0, 0)
}

/// Above 2^53 a float no longer names one integer.
fn whole(value: i64) -> Json {
    if value.unsigned_abs() <= 1 << 53 {
        Json::from(value)
    } else {
        Json::from(value.to_string())
    }
}

fn float(value: f64) -> Json {
    serde_json::Number::from_f64(value).map_or_else(|| Json::from(value.to_string()), Json::Number)
}

/// A decimal of up to fifteen digits survives the way through a float.
fn number(text: &str) -> Json {
    let digits = text
        .trim_start_matches(['-', '0', '.'])
        .bytes()
        .filter(u8::is_ascii_digit)
        .count();
    match text.parse::<f64>() {
        Ok(value) if digits <= 15 && value.is_finite() => {
            if text.contains('.') {
                float(value)
            } else {
                text.parse::<i64>()
                    .map_or_else(|_| float(value), Json::from)
            }
        }
        _ => Json::from(text),
    }
}

/// Digits of a number that is written out.
const DIGITS_MAX: i32 = 4000;

/// Groups of four decimal digits: count, weight of the first, sign, digits
/// after the point (src/backend/utils/adt/numeric.c, `numeric_send`).
fn numeric(raw: &[u8]) -> Result<String, Failed> {
    let words: Vec<u16> = raw
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect();
    let [count, weight, sign, scale, groups @ ..] = words.as_slice() else {
        return Err("a numeric is cut off".into());
    };
    if groups.len() != usize::from(*count) {
        return Err("a numeric is cut off".into());
    }
    match sign {
        0xC000 => return Ok("NaN".to_owned()),
        0xD000 => return Ok("Infinity".to_owned()),
        0xF000 => return Ok("-Infinity".to_owned()),
        _ => {}
    }
    let weight = i32::from(weight.cast_signed());
    // A few bytes can stand for 131,072 digits, and a row for many of them.
    let digits = 4 * (weight.max(0) + 1) + i32::from(*scale);
    if digits > DIGITS_MAX {
        return Err(format!("a numeric has {digits} digits; cast it to text").into());
    }
    let group = |place: i32| {
        usize::try_from(weight - place)
            .ok()
            .and_then(|index| groups.get(index))
            .copied()
            .unwrap_or_default()
    };
    let before: String = (0..=weight.max(0))
        .rev()
        .map(|place| format!("{:04}", group(place)))
        .collect();
    let before = match before.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let scale = usize::from(*scale);
    let places = i32::try_from(scale.div_ceil(4))?;
    let mut after: String = (1..=places)
        .map(|place| format!("{:04}", group(-place)))
        .collect();
    after.truncate(scale);
    let sign = if *sign == 0x4000 { "-" } else { "" };
    Ok(if after.is_empty() {
        format!("{sign}{before}")
    } else {
        format!("{sign}{before}.{after}")
    })
}

/// Microseconds since 2000; the ends of the range mean without end.
fn moment(raw: &[u8]) -> Result<Result<DateTime, &'static str>, Failed> {
    Ok(match i64::from_be_bytes(raw.try_into()?) {
        i64::MAX => Err("infinity"),
        i64::MIN => Err("-infinity"),
        micros => Ok(epoch().checked_add(SignedDuration::from_micros(micros))?),
    })
}

fn interval(raw: &[u8]) -> Result<Cell, Failed> {
    let (micros, rest) = raw
        .split_first_chunk::<8>()
        .ok_or("an interval is cut off")?;
    let (days, months) = rest
        .split_first_chunk::<4>()
        .ok_or("an interval is cut off")?;
    let (micros, days) = (i64::from_be_bytes(*micros), i32::from_be_bytes(*days));
    let months = i32::from_be_bytes(months.try_into()?);
    if months != 0 {
        let span = jiff::Span::new()
            .try_months(months)?
            .try_days(days)?
            .try_microseconds(micros)?;
        return Ok(Json::from(span.to_string()).into());
    }
    let span = SignedDuration::from_hours(i64::from(days) * 24)
        .checked_add(SignedDuration::from_micros(micros))
        .ok_or("an interval is too long")?;
    Ok(Cell {
        json: float(span.as_secs_f64()),
        time: None,
        span: Some(span),
    })
}

fn uuid(bytes: [u8; 16]) -> Json {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Json::from(format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    ))
}

/// Family, prefix length, whether a network, length, address.
fn inet(raw: &[u8]) -> Result<Json, Failed> {
    let [_, bits, cidr, _, address @ ..] = raw else {
        return Err("an address is cut off".into());
    };
    let (address, whole) = match address {
        [a, b, c, d] => (std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string(), 32),
        other => (
            std::net::Ipv6Addr::from(<[u8; 16]>::try_from(other)?).to_string(),
            128,
        ),
    };
    Ok(Json::from(if *cidr == 0 && *bits == whole {
        address
    } else {
        format!("{address}/{bits}")
    }))
}

/// Dimensions, whether there are nulls, type; per dimension its length and
/// lower bound; then the elements, each with its length. Several dimensions
/// come out flat.
fn array(element: &Type, raw: &[u8]) -> Result<Json, Failed> {
    let cut = || -> Failed { "an array is cut off".into() };
    let word = |at: usize| {
        raw.get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .map(i32::from_be_bytes)
            .ok_or_else(cut)
    };
    let dimensions = usize::try_from(word(0)?)?;
    let mut at = 12 + 8 * dimensions;
    let mut items = Vec::new();
    while at < raw.len() {
        let length = word(at)?;
        at += 4;
        match usize::try_from(length) {
            Err(_) => items.push(Json::Null),
            Ok(length) => {
                items.push(decode(element, raw.get(at..at + length).ok_or_else(cut)?)?.json);
                at += length;
            }
        }
    }
    Ok(Json::from(items))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn words(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[rstest]
    #[case(&[1, 0, 0, 0, 42], json!(42))]
    #[case(&[2, 0, 0x4000, 2, 12, 5000], json!(-12.5))]
    #[case(&[1, 0xFFFF, 0, 3, 50], json!(0.005))]
    #[case(&[1, 1, 0, 0, 3], json!(30000))]
    #[case(&[0, 0, 0, 2], json!(0.0))]
    #[case(&[5, 4, 0, 0, 1234, 5678, 9012, 3456, 7890], json!("12345678901234567890"))]
    #[case(&[0, 0, 0xC000, 0], json!("NaN"))]
    fn numerics(#[case] sent: &[u16], #[case] expected: Json) {
        assert_eq!(
            decode(&Type::NUMERIC, &words(sent)).expect("a value").json,
            expected
        );
    }

    #[rstest]
    #[case(Type::INT8, i64::MAX.to_be_bytes().to_vec(), json!("9223372036854775807"))]
    #[case(Type::INT8, 7i64.to_be_bytes().to_vec(), json!(7))]
    #[case(Type::FLOAT4, 0.1f32.to_be_bytes().to_vec(), json!(0.1))]
    #[case(Type::FLOAT8, f64::NAN.to_be_bytes().to_vec(), json!("NaN"))]
    #[case(Type::BOOL, vec![1], json!(true))]
    #[case(Type::TEXT, b"gr\xc3\xbcn".to_vec(), json!("gr\u{fc}n"))]
    #[case(Type::DATE, 1i32.to_be_bytes().to_vec(), json!("2000-01-02"))]
    #[case(Type::TIMESTAMP, 0i64.to_be_bytes().to_vec(), json!("2000-01-01T00:00:00"))]
    #[case(Type::TIMESTAMPTZ, i64::MAX.to_be_bytes().to_vec(), json!("infinity"))]
    #[case(Type::JSONB, b"\x01{\"a\":[1]}".to_vec(), json!({"a": [1]}))]
    #[case(Type::PG_LSN, 0x1_0000_00ABu64.to_be_bytes().to_vec(), json!("1/AB"))]
    #[case(Type::INET, vec![2, 32, 0, 4, 10, 0, 0, 1], json!("10.0.0.1"))]
    #[case(Type::BYTEA, vec![0, 255], json!("\\x00ff"))]
    fn values(#[case] ty: Type, #[case] raw: Vec<u8>, #[case] expected: Json) {
        assert_eq!(decode(&ty, &raw).expect("a value").json, expected);
    }

    #[test]
    fn moments_and_intervals_keep_their_type() {
        let moment =
            decode(&Type::TIMESTAMPTZ, &86_400_000_000i64.to_be_bytes()).expect("a moment");
        assert_eq!(
            moment.time.map(|at| at.to_string()).as_deref(),
            Some("2000-01-02T00:00:00Z")
        );
        let mut raw = 1_500_000i64.to_be_bytes().to_vec();
        raw.extend(1i32.to_be_bytes());
        raw.extend(0i32.to_be_bytes());
        let interval = decode(&Type::INTERVAL, &raw).expect("an interval");
        assert_eq!(interval.span, Some(SignedDuration::from_millis(86_401_500)));
        assert_eq!(interval.json, json!(86401.5));
    }

    #[rstest]
    #[case(&[1, 0x7FFF, 0, 0, 1])]
    #[case(&[0, 0, 0, 0xFFFF])]
    fn a_number_is_not_written_out_at_any_length(#[case] sent: &[u16]) {
        let error = decode(&Type::NUMERIC, &words(sent)).expect_err("too long");
        assert!(error.to_string().contains("cast it to text"), "{error}");
    }

    #[rstest]
    #[case(Type::NUMERIC)]
    #[case(Type::INT8)]
    #[case(Type::INTERVAL)]
    #[case(Type::UUID)]
    #[case(Type::INT4_ARRAY)]
    #[case(Type::POINT)]
    fn what_is_cut_off_or_unknown_is_an_error(#[case] ty: Type) {
        assert!(decode(&ty, &[0, 0, 0]).is_err());
    }
}
