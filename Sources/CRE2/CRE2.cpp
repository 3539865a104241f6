#include "CRE2.h"
int sluice_re2_placeholder(void) { return 0; }
