use super::*;

#[test]
fn names_and_thresholds_are_the_runbooks() {
    let text = rules("awoooi_cold_start", "full-stack", Duration::from_secs(600));
    insta::assert_snapshot!(text);
}

#[test]
fn no_name_is_a_template_or_ends_a_scalar() {
    let text = rules("p", "a{{ .X }}\"\n冷\u{7f}", Duration::from_secs(600));
    let baseline = "          baseline: \"a{{ \\\"{{\\\" }} .X }}\\\" 冷\\\\u{7f}\"\n";
    assert!(text.contains(baseline), "{text}");
}
