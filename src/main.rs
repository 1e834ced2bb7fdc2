fn main() {
    println!("liveroom");
}
