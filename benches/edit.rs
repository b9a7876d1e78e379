//! The edit desk's speed: wire copy, a page dump, and items made to be slow.
//!
//! `cargo bench --bench edit`. The copy is that of the golden items, so the figures can be had anywhere.

use std::hint::black_box;

use copydesk::edit::{Desk, Hints};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Wire items of about 3 kB: each golden item with its story told again.
fn wire() -> Vec<String> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let mut items = Vec::new();
    for entry in std::fs::read_dir(dir).expect("golden items") {
        let path = entry.expect("golden item").path();
        if path.extension().is_some_and(|e| e == "txt") {
            let item = std::fs::read_to_string(path).expect("golden item");
            let story = "The harbour office said on Monday that 40 ferries, kept at the quay by a week of storms, would sail \
                         again, and that about 3,000 travellers who had waited in halls and hotels were told so by noon.\n\n";
            items.push(format!("{item}\n{}", story.repeat(12)));
        }
    }
    items
}

fn page() -> String {
    let letter = |i: usize| char::from(b'A' + (i % 26) as u8);
    let menu: String = (0..120).map(|i| format!("Section {}{}\n", letter(i / 26), letter(i))).collect();
    let story =
        "The port of Ostheim opened again on Monday after a week of storms, the harbour office said. Ships waited.\n";
    format!("{menu}{}{menu}", story.repeat(20))
}

/// Items that a careless rule or pass would take quadratic time for, at two sizes: twice the size must take twice the time.
fn hostile(size: usize) -> [(&'static str, String); 5] {
    [
        ("one endless line", "Kit Marlow, Ana Brandt and ".repeat(size / 27)),
        ("short open lines", "Harbour opens\nAdvertisement\n".repeat(size / 28)),
        ("brackets", "(".repeat(size / 2) + &")".repeat(size / 2)),
        ("captions", (0..size / 60).map(|i| format!("The port, {i}. (AP Photo/Kit Marlow {i})\n")).collect()),
        ("datelines", "OSTHEIM, May 5 (UPI) -- The port is open.\n".repeat(size / 42)),
    ]
}

fn edit(c: &mut Criterion) {
    let desk = Desk::builtin().expect("the program's rules");
    let items = wire();
    let mut group = c.benchmark_group("edit");
    group.throughput(Throughput::Bytes(items.iter().map(|i| i.len() as u64).sum()));
    group.bench_function("wire", |b| {
        b.iter(|| items.iter().for_each(|item| drop(black_box(desk.edit(item, &Hints::default())))));
    });
    let page = page();
    group.throughput(Throughput::Bytes(page.len() as u64));
    group.bench_function("page", |b| b.iter(|| black_box(desk.edit(&page, &Hints::default())).lines.len()));
    for size in [100_000, 200_000] {
        for (name, item) in hostile(size) {
            group.throughput(Throughput::Bytes(item.len() as u64));
            group.bench_function(format!("hostile/{name}/{size}"), |b| {
                b.iter(|| black_box(desk.edit(&item, &Hints::default())).lines.len());
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = edit
}
criterion_main!(benches);
