//! Echo messages (RFC 792, RFC 4443).

use std::net::IpAddr;

/// Distinguishes this run's requests from those of others, whose replies a
/// raw socket sees too.
pub(super) type Token = [u8; 16];

const HEADER: usize = 8;

/// An echo request. The id of a datagram socket is set by the kernel.
pub(super) fn request(to: IpAddr, id: u16, sequence: u16, token: &Token) -> Vec<u8> {
    let kind = if to.is_ipv4() { 8 } else { 128 };
    let mut packet = vec![kind, 0, 0, 0];
    packet.extend(id.to_be_bytes());
    packet.extend(sequence.to_be_bytes());
    packet.extend(token);
    if to.is_ipv4() {
        // The kernel computes it for IPv6, whose sum needs the source address.
        let sum = checksum(&packet);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    packet
}

/// The sequence number of an echo reply to one of our requests. Raw sockets,
/// and macOS's datagram ones, put the IPv4 header in front.
pub(super) fn reply(from: IpAddr, mut packet: &[u8], token: &Token) -> Option<u16> {
    let kind = if from.is_ipv4() {
        if let Some(first) = packet.first().filter(|first| **first >> 4 == 4) {
            packet = packet.get(usize::from(first & 0x0F) * 4..)?;
        }
        0
    } else {
        129
    };
    let (header, body) = packet.split_at_checked(HEADER)?;
    (header[0] == kind && header[1] == 0 && body == token)
        .then(|| u16::from_be_bytes([header[6], header[7]]))
}

/// The internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| {
            u32::from(u16::from_be_bytes([
                pair[0],
                pair.get(1).copied().unwrap_or_default(),
            ]))
        })
        .sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    #[expect(clippy::cast_possible_truncation, reason = "folded to 16 bits above")]
    let sum = sum as u16;
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const TOKEN: Token = *b"0123456789abcdef";
    const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    fn answer(to: IpAddr, sequence: u16) -> Vec<u8> {
        let mut packet = request(to, 7, sequence, &TOKEN);
        packet[0] = if to.is_ipv4() { 0 } else { 129 };
        packet
    }

    #[rstest]
    #[case(V4)]
    #[case(V6)]
    fn a_reply_gives_its_sequence_number(#[case] ip: IpAddr) {
        assert_eq!(reply(ip, &answer(ip, 513), &TOKEN), Some(513));
    }

    #[test]
    fn the_ip_header_is_skipped() {
        let mut packet = vec![0x46; 24];
        packet.extend(answer(V4, 2));
        assert_eq!(reply(V4, &packet, &TOKEN), Some(2));
    }

    #[test]
    fn the_sum_over_a_packet_with_its_sum_is_zero() {
        assert_eq!(checksum(&request(V4, 0xFFFF, 1, &TOKEN)), 0);
    }

    #[rstest]
    #[case::our_own_request(V4, request(V4, 7, 1, &TOKEN))]
    #[case::unreachable(V4, { let mut packet = answer(V4, 1); packet[0] = 3; packet })]
    #[case::of_another(V4, { let mut packet = answer(V4, 1); packet[9] = 0; packet })]
    #[case::short(V4, vec![0, 0, 0])]
    #[case::nothing(V6, vec![])]
    #[case::cut_header(V4, vec![0x4F, 0, 0])]
    fn what_is_no_reply(#[case] from: IpAddr, #[case] packet: Vec<u8>) {
        assert_eq!(reply(from, &packet, &TOKEN), None);
    }
}
