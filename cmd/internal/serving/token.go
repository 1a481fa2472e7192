//go:build !pkcs11

package serving

import (
	"errors"

	"github.com/chancery-dev/chancery/internal/config"
	"github.com/chancery-dev/chancery/internal/service"
)

func openToken(config.PKCS11) (service.KeyProvider, error) {
	return nil, errors.New("this binary was built without the tag pkcs11, which needs cgo")
}
