/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

bool burn_wanted(int argc, char **argv);
int burn_main(int argc, char **argv);
