//! The filter: how many comments a core passes in a second, with a lexicon of the size that platforms have.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use liveroom::filter::Lexicon;

/// Terms of the lexicon.
const TERMS: usize = 50_000;
/// Comments that are gone through.
const COMMENTS: usize = 4_096;
/// Characters of each.
const CHARS: usize = 20;

/// What comments are made of, so that their characters are as common as in life.
const TALK: &str = "主播好漂亮这个多少钱什么时候发货有优惠券吗家人们冲啊抢不到刚来讲到哪了欢迎声音太小能试穿一下洗了会缩水适合油皮孕妇可以用红包雨\
福袋怎么参加口令是什么谢谢已下单退货运费谁出质量样尺码偏大白色的快递新疆再讲一遍规则别卡网络不好开始明天见";

/// Numbers that look random and are always the same (SplitMix64).
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 7_u64;
    move |below| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below as u64) as usize
    }
}

/// Terms of two to six characters that begin like what is said, so that the search goes on from most of them.
fn lexicon() -> Lexicon {
    let (mut number, talk): (_, Vec<char>) = (numbers(), TALK.chars().collect());
    let mut text = String::new();
    let han = |n: usize| char::from_u32(0x4e00 + n as u32).expect("a Han character");
    for _ in 0..TERMS {
        let begin = talk[number(talk.len())];
        let rest: String = (0..2 + number(4)).map(|_| han(number(6_000))).collect();
        writeln!(text, "{begin}{rest}").expect("memory");
    }
    Lexicon::parse([("words", text.as_str())]).expect("a lexicon")
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let lexicon = lexicon();
    let (mut number, talk): (_, Vec<char>) = (numbers(), TALK.chars().collect());
    let comments: Vec<String> = (0..COMMENTS).map(|_| (0..CHARS).map(|_| talk[number(talk.len())]).collect()).collect();
    let mut group = criterion.benchmark_group("filter");
    group.throughput(Throughput::Elements(COMMENTS as u64));
    group.bench_function(
        BenchmarkId::new("comments of 20 characters", format!("{} terms", lexicon.len())),
        |bencher| {
            bencher.iter(|| comments.iter().filter(|comment| !lexicon.find(black_box(comment)).is_empty()).count());
        },
    );
    group.finish();
}
