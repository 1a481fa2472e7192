package anchor_test

import "context"

type ctx = context.Context
