//! One device's twin as a line of NDJSON.

use super::draw::Fields;
use super::vocabulary::{
    BUILDINGS, CITIES, CUSTOMERS, ENVS, ERRORS, FIRMWARES, INTERVALS, MODES, NETS, REGIONS, SPARSE,
    Vocabulary,
};

/// Appends the twin of device `number`.
pub(super) fn render(
    number: u64,
    batch: u64,
    draw: &Fields,
    words: &Vocabulary,
    out: &mut Vec<u8>,
) {
    let group = number.wrapping_sub(1) / batch;
    let never = draw.never.of(number) < 0.005;
    let desired_version = squared(draw.desired_version.of(number), 200.0);
    let reported_version = squared(draw.reported_version.of(number), 5000.0);
    let boot = Moment(draw.boot.below(180 * 86_400, number));
    let version = if never { 2 } else { desired_version + reported_version + 3 };
    let connected = !never && draw.connected.of(number) < 0.7;

    text(out, "{\"deviceId\":\"dev-");
    digits(out, number, 7);
    text(out, "\",\"etag\":\"AAAA");
    digits(out, version, 8);
    text(out, "=\",\"deviceEtag\":\"NzQ4");
    digits(out, number % 100_000, 5);
    text(out, "=\",\"status\":\"");
    text(out, if draw.status.of(number) < 0.97 { "enabled" } else { "disabled" });
    text(out, "\",\"statusUpdateTime\":\"0001-01-01T00:00:00Z\",\"connectionState\":\"");
    text(out, if connected { "Connected" } else { "Disconnected" });
    text(out, "\",\"lastActivityTime\":\"");
    if never {
        text(out, "0001-01-01T00:00:00");
    } else {
        boot.render(out);
    }
    text(
        out,
        "Z\",\"cloudToDeviceMessageCount\":0,\"authenticationType\":\"sas\",\
         \"x509Thumbprint\":{\"primaryThumbprint\":null,\"secondaryThumbprint\":null},\
         \"modelId\":\"\",\"version\":",
    );
    digits(out, version, 1);
    tags(number, group, draw, words, out);
    let wanted = words.firmware.rank(draw.firmware_desired.of(group));
    text(out, ",\"properties\":{\"desired\":{");
    desired(number, wanted, draw, words, out);
    text(out, ",\"$version\":");
    digits(out, desired_version + 1, 1);
    text(out, "},\"reported\":{");
    if never {
        text(out, "\"$version\":1");
    } else {
        reported(number, wanted, draw, words, boot, out);
        text(out, ",\"$version\":");
        digits(out, reported_version + 2, 1);
    }
    text(out, "}},\"capabilities\":{\"iotEdge\":false}}\n");
}

fn tags(number: u64, group: u64, draw: &Fields, words: &Vocabulary, out: &mut Vec<u8>) {
    // Popularity rank to name, so that the commonest building is not simply '1'.
    let building = (words.building.rank(draw.building.of(group)) * 37 + 17) % BUILDINGS + 1;
    let customer = words.customer.rank(draw.customer.of(group));
    let floor = words.floor.rank(draw.floor.of(number)) as u64 + 1;
    let roam = draw.region.below(60, number);
    let region = REGIONS.get(usize::try_from(roam).unwrap_or(usize::MAX));
    let home = REGIONS[(customer * 7 + 3) % REGIONS.len()];

    text(out, ",\"tags\":{\"building\":\"");
    digits(out, building as u64, 1);
    text(out, "\"");
    match draw.floor_kind.below(100, number) {
        0 => {
            text(out, ",\"floor\":\"");
            digits(out, floor, 1);
            text(out, "\"");
        }
        1 | 2 => {}
        _ => {
            text(out, ",\"floor\":");
            digits(out, floor, 1);
        }
    }
    text(out, ",\"region\":\"");
    text(out, region.unwrap_or(&home));
    text(out, "\",\"customer\":\"cust-");
    digits(out, ((customer * 1237 + 421) % CUSTOMERS) as u64, 4);
    text(out, "\",\"env\":\"");
    text(out, ENVS[words.env.rank(draw.env.of(number))]);
    text(out, "\"");
    if draw.location.of(number) >= 0.01 {
        let (city, country) = CITIES[building % CITIES.len()];
        text(out, ",\"location\":{\"city\":\"");
        text(out, city);
        text(out, "\",\"country\":\"");
        text(out, country);
        text(out, "\"}");
    }
    let sparse = draw.custom.below(SPARSE * 20, number);
    if sparse < SPARSE {
        text(out, ",\"custom\":{\"k");
        digits(out, sparse, 2);
        text(out, "\":");
        digits(out, floor * 10, 1);
        text(out, "}");
    }
    text(out, "}");
}

fn desired(number: u64, firmware: usize, draw: &Fields, words: &Vocabulary, out: &mut Vec<u8>) {
    text(out, "\"firmware\":{\"version\":\"");
    text(out, &words.versions[firmware]);
    text(out, "\"},\"telemetryInterval\":");
    let interval = if draw.interval_odd.of(number) < 0.1 {
        draw.interval_odd.below(36_000, number) + 5
    } else {
        INTERVALS[words.interval.rank(draw.interval.of(number))]
    };
    digits(out, interval, 1);
    text(out, ",\"config\":{");
    if draw.mode_missing.of(number) >= 0.02 {
        text(out, "\"mode\":\"");
        text(out, MODES[words.mode.rank(draw.mode.of(number))]);
        text(out, "\"");
    }
    text(out, "},\"threshold\":");
    let thousandths = draw.threshold.below(100_000, number);
    digits(out, thousandths / 1000, 1);
    if draw.threshold_int.of(number) >= 0.01 {
        text(out, ".");
        digits(out, thousandths % 1000, 3);
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn reported(
    number: u64,
    wanted: usize,
    draw: &Fields,
    words: &Vocabulary,
    boot: Moment,
    out: &mut Vec<u8>,
) {
    let other = draw.firmware_other.below(FIRMWARES as u64, number) as usize;
    let actual = if draw.firmware_same.of(number) < 0.88 { wanted } else { other };
    text(out, "\"firmware\":{\"version\":\"");
    text(out, &words.versions[actual]);
    text(out, "\"},");
    if draw.battery_missing.of(number) >= 0.03 {
        text(out, "\"battery\":");
        hundredths(out, (draw.battery.of(number).sqrt() * 10_000.0) as u64);
        text(out, ",");
    }
    // The sum of four draws is a bell.
    let bell =
        (draw.t1.of(number) + draw.t2.of(number) + draw.t3.of(number) + draw.t4.of(number)) - 2.0;
    let temperature = (2200.0 + bell * 1500.0) as i64;
    text(out, if temperature < 0 { "\"temperature\":-" } else { "\"temperature\":" });
    hundredths(out, temperature.unsigned_abs());
    text(out, ",\"lastBoot\":\"");
    boot.render(out);
    text(out, "Z\",\"connectivity\":{\"type\":\"");
    text(out, NETS[words.net.rank(draw.net.of(number))]);
    text(out, "\"},\"signal\":-");
    digits(out, 120 - draw.signal.below(81, number), 1);
    let errors = draw.errors.below(25_000, number);
    if errors < 1000 {
        let codes = [errors % 8, errors / 8 % 8, errors / 64 % 8];
        let mut before = ",\"errors\":[\"";
        for code in &codes[..(errors % 3 + 1) as usize] {
            text(out, before);
            text(out, ERRORS[*code as usize]);
            before = "\",\"";
        }
        text(out, "\"]");
    }
}

/// Seconds after the start of 2026.
#[derive(Clone, Copy)]
struct Moment(u64);

impl Moment {
    fn render(self, out: &mut Vec<u8>) {
        const DAYS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut day = self.0 / 86_400;
        let mut month = 1;
        for days in DAYS {
            if day < days {
                break;
            }
            day -= days;
            month += 1;
        }
        text(out, "2026-");
        digits(out, month, 2);
        text(out, "-");
        digits(out, day + 1, 2);
        text(out, "T");
        digits(out, self.0 / 3600 % 24, 2);
        text(out, ":");
        digits(out, self.0 / 60 % 60, 2);
        text(out, ":");
        digits(out, self.0 % 60, 2);
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn squared(draw: f64, scale: f64) -> u64 {
    (draw * draw * scale) as u64
}

fn hundredths(out: &mut Vec<u8>, number: u64) {
    digits(out, number / 100, 1);
    text(out, ".");
    digits(out, number % 100, 2);
}

#[inline]
fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Appends a decimal number with at least `places` digits.
#[inline]
fn digits(out: &mut Vec<u8>, number: u64, places: usize) {
    let mut buffer = [b'0'; 20];
    let mut start = buffer.len();
    let mut rest = number;
    while rest > 0 {
        start -= 1;
        buffer[start] = b'0' + u8::try_from(rest % 10).expect("a remainder of ten is one digit");
        rest /= 10;
    }
    out.extend_from_slice(&buffer[start.min(buffer.len() - places)..]);
}
