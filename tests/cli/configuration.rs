//! A configuration is taken as meant, or refused with where it is wrong.

use crate::copydesk::{File, copydesk, copydesk_with};

#[test]
fn the_defaults_check_out() {
    let check = copydesk(&["check"]);
    assert_eq!(check.code, 0, "{}{}", check.out, check.err);
    assert!(check.out.lines().all(|line| line.starts_with('✓')), "{}", check.out);
    assert_eq!(check.out.lines().count(), 3, "{}", check.out);
}

#[test]
fn the_shipped_file_checks_out() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/config/copydesk.toml");
    let check = copydesk(&["check", "--config", shipped]);
    assert_eq!(check.code, 0, "{}{}", check.out, check.err);
    assert!(check.out.contains(shipped), "{}", check.out);
}

#[test]
fn every_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
    let file = File::holding("[kafka]\nbroker = \"k:9092\"\n\n[dedup]\nwindow_hour = 3\n");
    let check = copydesk(&["check", "--config", file.path()]);
    assert_eq!(check.code, 1);
    assert_eq!(check.out.lines().filter(|line| line.starts_with('✗')).count(), 2, "{}", check.out);
    assert!(check.out.contains("copydesk.toml:2: unknown key `kafka.broker`; did you mean `kafka.brokers`?"));
    assert!(check.out.contains("copydesk.toml:5: unknown key `dedup.window_hour`; did you mean `dedup.window_hours`?"));
}

#[test]
fn no_command_that_needs_it_runs_on_a_wrong_configuration() {
    let file = File::holding("[worker]\nthread = 3\n");
    for command in ["run", "topics", "process"] {
        let done = copydesk(&[command, "--config", file.path()]);
        assert_eq!(done.code, 1, "{command}");
        assert!(
            done.err.starts_with("copydesk: ") && done.err.contains("did you mean `worker.threads`?"),
            "{}",
            done.err
        );
    }
}

#[test]
fn a_misspelt_variable_is_refused_like_a_misspelt_key() {
    let check = copydesk_with(&["check"], &[("COPYDESK_KAFKA_BROKER", "k:9092")]);
    assert_eq!(check.code, 1);
    assert!(check.out.contains("COPYDESK_KAFKA_BROKER: unknown variable; did you mean `COPYDESK_KAFKA_BROKERS`?"));
}

#[test]
fn the_file_can_be_named_by_a_variable_and_the_option_wins() {
    let named = File::holding("[dedup]\nwindow_hours = 5\n");
    let given = File::holding("[dedup]\nwindow_hours = 6\n");
    let variable = [("COPYDESK_CONFIG", named.path())];
    let by_variable = copydesk_with(&["check", "--show"], &variable);
    assert!(by_variable.out.contains("window_hours = 5"), "{}", by_variable.out);
    let by_option = copydesk_with(&["check", "--show", "--config", given.path()], &variable);
    assert!(by_option.out.contains("window_hours = 6"), "{}", by_option.out);
}

#[test]
fn a_missing_file_is_named() {
    let check = copydesk(&["check", "--config", "/nonexistent/desk.toml"]);
    assert_eq!(check.code, 1);
    assert!(check.out.contains("/nonexistent/desk.toml: No such file"), "{}", check.out);
}

#[test]
fn the_configuration_in_effect_is_shown_without_its_secrets() {
    let variables = [("COPYDESK_KAFKA_PROPERTIES_SASL_PASSWORD", "hunter2"), ("COPYDESK_LOG_FORMAT", "json")];
    let check = copydesk_with(&["check", "--show"], &variables);
    assert_eq!(check.code, 0, "{}", check.out);
    assert!(
        check.out.contains("format = \"json\"") && check.out.contains("\"sasl.password\" = \"***\""),
        "{}",
        check.out
    );
    assert!(!check.out.contains("hunter2") && !check.err.contains("hunter2"));
}

#[test]
fn a_refused_property_is_named_without_its_value() {
    let variables = [("COPYDESK_KAFKA_PROPERTIES_SASL_PASWORD", "hunter2")];
    for command in [&["check", "--show"][..], &["topics"], &["run"]] {
        let done = copydesk_with(command, &variables);
        assert_eq!(done.code, 1, "{command:?}");
        let said = done.out + &done.err;
        assert!(said.contains("sasl.pasword") && !said.contains("hunter2"), "{command:?}: {said}");
    }
}

#[test]
fn a_connection_less_safe_than_it_looks_is_told() {
    let variables = [
        ("COPYDESK_KAFKA_PROPERTIES_ENABLE_SSL_CERTIFICATE_VERIFICATION", "false"),
        ("COPYDESK_KAFKA_PROPERTIES_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM", "none"),
    ];
    let check = copydesk_with(&["check"], &variables);
    assert_eq!(check.code, 0, "unwise, not wrong: {}", check.out);
    let told: Vec<&str> = check.out.lines().filter(|line| line.starts_with("! connection")).collect();
    assert_eq!(told.len(), 2, "{}", check.out);
    assert!(told[0].contains("certificates are NOT verified") && told[1].contains("names in the brokers'"), "{told:?}");
}

#[test]
fn a_property_that_librdkafka_does_not_know_is_found_without_a_broker() {
    let file = File::holding("[kafka.properties]\n\"linger.mss\" = 5\n");
    let check = copydesk(&["check", "--config", file.path()]);
    assert_eq!(check.code, 1);
    let found = check.out.lines().find(|line| line.starts_with('✗')).expect("a finding");
    assert!(found.contains("linger.mss") && found.contains("[kafka.properties]"), "{found}");
}

#[test]
fn a_property_that_exactly_once_depends_on_is_refused_with_the_reason() {
    let file = File::holding("[kafka.properties]\n\"isolation.level\" = \"read_uncommitted\"\n");
    let check = copydesk(&["check", "--config", file.path()]);
    assert_eq!(check.code, 1);
    assert!(
        check.out.contains("copydesk.toml:2: `kafka.properties.isolation.level` must stay `read_committed`"),
        "{}",
        check.out
    );
}

#[test]
fn an_admin_address_that_is_taken_or_not_of_this_machine_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let taken = taken.local_addr().expect("it has an address").to_string();
    for (address, mark, said) in [(taken.as_str(), '!', "is taken"), ("192.0.2.7:9102", '✗', "cannot listen on")] {
        let variables = [("COPYDESK_ADMIN_LISTEN", address), ("COPYDESK_KAFKA_BROKERS", "127.0.0.1:1")];
        let check = copydesk_with(&["check", "--connect"], &variables);
        let told = |line: &str| line.starts_with(mark) && line.contains(address) && line.contains(said);
        assert!(check.out.lines().any(told), "{address}: {}", check.out);
    }
}

#[test]
fn a_rule_directory_that_is_not_there_is_found() {
    let check = copydesk_with(&["check"], &[("COPYDESK_EDIT_RULES", "/nonexistent/rules")]);
    assert_eq!(check.code, 1);
    let found = check.out.lines().find(|line| line.starts_with('✗')).expect("a finding");
    assert!(found.contains("rules") && found.contains("/nonexistent/rules"), "{found}");
}
