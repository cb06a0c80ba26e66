#include "guests/bare/burn.h"
bool burn_wanted(int argc, char **argv) { (void)argc; (void)argv; return false; }
int burn_main(int argc, char **argv) { (void)argc; (void)argv; return 1; }
