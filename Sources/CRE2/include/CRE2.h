#pragma once
int sluice_re2_placeholder(void);
