// SPDX-License-Identifier: GPL-2.0-or-later

// Functions whose names have to be read by people: names TIMES. A template, a method, a lambda, no linkage.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

struct Adder {
	__attribute__((noinline)) uint64_t step(uint64_t x) const
	{
		for (uint64_t i = 0; i < 1000; i++)
			x = x * 6364136223846793005ULL + (i ^ x >> 7);
		return x;
	}
};

template <typename T, typename F>
__attribute__((noinline)) uint64_t work(const T &t, F f, uint64_t times)
{
	uint64_t s = 0;

	for (uint64_t i = 0; i < times; i++)
		s ^= t.step(i) + f(i);
	return s;
}

} // namespace

int main(int, char **argv)
{
	auto lambda = [](uint64_t x) __attribute__((noinline)) {
		for (uint64_t i = 0; i < 1000; i++)
			x = x * 31 + (i ^ x >> 3);
		return x;
	};

	printf("%lu\n", (unsigned long)work(Adder(), lambda, strtoull(argv[1], nullptr, 10)));
}
